import type { LoginState } from './login-state.js';

/** The page that the browser shows at the end: a status and one sentence. */
export interface CallbackPage {
  readonly status: number;
  readonly sentence: string;
}

export const unknownCallback: CallbackPage = {
  status: 400,
  sentence: 'This address does not belong to an open login. Start the login again.',
};

/** Returns the page for a login after its callback. */
export function pageOf(state: LoginState): CallbackPage {
  switch (state.kind) {
    case 'succeeded': {
      const what = state.result === 'added' ? 'is in the pool now' : 'has a new login';
      return { status: 200, sentence: `The account ${state.account} ${what}. You may close this window.` };
    }
    case 'failed':
      return { status: 400, sentence: `The login did not work. ${state.message}` };
    case 'waiting':
    case 'completing':
    case 'expired':
    case 'cancelled':
      return unknownCallback;
    default:
      return state satisfies never;
  }
}

export function htmlOf({ sentence }: CallbackPage): string {
  return `<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>codex-pool</title><p>${escaped(sentence)}</p></html>\n`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (it) => `&#${it.charCodeAt(0)};`);
}
