import type { AlertFacts } from '../wording/alert-words.js';

/** The body of the POST to `PROXY_NOTIFY_URL`. Contains no e-mail address, id or token. */
export interface Alert {
  readonly event: AlertFacts['event'];
  /** When it was noticed, epoch ms. */
  readonly at: number;
  /** The account that it is about; null for the pool as a whole. */
  readonly account: string | null;
  readonly sentence: string;
  /** Version of the program. */
  readonly version: string;
}

/** Shortens e-mail addresses in a name to their local part: a credential file may be named after one. */
export function withoutAddress(name: string): string {
  return name.replace(/@[^\s@]*/g, '');
}
