import type { LoginView } from '../../api/login.js';
import { clockAndWait } from '../../wording/times.js';

/** Returns the state of a login in one sentence. */
export function loginWords(login: LoginView, now: number): string {
  switch (login.state) {
    case 'waiting':
      return `Waits for your approval until ${clockAndWait(login.expiresAt, now)}.`;
    case 'completing':
      return 'Approved; the account is being added.';
    case 'succeeded':
      return `${login.account ?? 'The account'} ${login.result === 'added' ? 'has been added to the pool' : 'has its new login'}.`;
    case 'failed':
      return login.message ?? 'The login has failed.';
    case 'expired':
      return 'The login was not approved in time.';
    case 'cancelled':
      return 'Cancelled.';
    default:
      return login.state satisfies never;
  }
}

/** Whether a login still needs a person or the program. */
export function isOpen({ state }: Pick<LoginView, 'state'>): boolean {
  return state === 'waiting' || state === 'completing';
}

/** Returns the newest view of a login: that of the stream, with the address that only its beginning told. */
export function newestView(begun: LoginView, logins: readonly LoginView[]): LoginView {
  const current = logins.find((it) => it.id === begun.id);
  return current === undefined
    ? begun
    : { ...(begun.url === undefined ? {} : { url: begun.url }), ...current };
}
