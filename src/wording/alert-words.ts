import { clock, clockAndWait, durationName, percent } from './times.js';

/** The facts of an alert, for its sentence. */
export type AlertFacts =
  | { readonly event: 'account-needs-login' | 'account-deactivated'; readonly account: string }
  | { readonly event: 'pool-out'; readonly backAt: number | null }
  | { readonly event: 'pool-back'; readonly ready: number; readonly accounts: number }
  | {
      readonly event: 'quota-low';
      readonly durationSeconds: number;
      readonly leftRatio: number;
      readonly resetsAt: number | null;
    };

/** Returns the sentence of an alert: what has happened, and what helps or when it ends. */
export function alertSentence(facts: AlertFacts, now: number): string {
  switch (facts.event) {
    case 'account-needs-login':
      return `${facts.account} needs a login: its own was refused. Its turns go to other accounts.`;
    case 'account-deactivated':
      return `OpenAI has switched ${facts.account} off. Its turns go to other accounts.`;
    case 'pool-out':
      return facts.backAt === null
        ? 'The pool is out: no account can serve, and none is known to be back by itself.'
        : `The pool is out: no account can serve until ${clockAndWait(facts.backAt, now)}.`;
    case 'pool-back':
      return `The pool serves again: ${facts.ready} of ${facts.accounts} ready.`;
    case 'quota-low': {
      const left = `The pool has ${percent(facts.leftRatio)} of its ${durationName(facts.durationSeconds)} quota left`;
      return facts.resetsAt === null ? `${left}.` : `${left}; most is back ${clock(facts.resetsAt, now)}.`;
    }
    default:
      return facts satisfies never;
  }
}
