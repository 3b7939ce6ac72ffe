import type { ClientResponse } from './storm-turn.js';

const MAX_WAITS = 10;
const MAX_QUICK_RETRIES = 4;
const MAX_STREAM_RETRIES = 8;
const QUICK_MS = 20;

/** Codex silently waits out any announced time, so the program must not announce more than this. */
export const LONGEST_WAIT_MS = 60_000;

/** The client's next step after a response. */
export type NextStep =
  | { readonly kind: 'served' }
  /** The response concerns the turn itself or needs the user's attention: Codex shows it and ends the turn. */
  | { readonly kind: 'final' }
  | { readonly kind: 'retry'; readonly afterMs: number }
  /** The retries are used up. */
  | { readonly kind: 'gave up' };

/** Retries one turn as Codex does: a 503 or 429 after the announced wait, 5xx quickly, a broken stream as a whole. */
export class CodexRetries {
  waits = 0;
  #quick = 0;
  #streams = 0;

  next({ status, retryAfterMs, isComplete, isBroken, errors, output, text }: ClientResponse): NextStep {
    if (status === null) return this.#quickly();
    if (status === 200) {
      this.#quick = 0;
      if (isComplete && output.length > 0 && errors.length === 0) return { kind: 'served' };
      if (!isBroken && text.includes('invalid_prompt')) return { kind: 'final' };
      this.#streams += 1;
      return this.#streams > MAX_STREAM_RETRIES ? { kind: 'gave up' } : { kind: 'retry', afterMs: QUICK_MS };
    }
    if (status === 429 && text.includes('"usage_limit_reached"')) return { kind: 'final' };
    if ((status === 429 || status === 503) && retryAfterMs !== null) {
      this.waits += 1;
      const isTooMuch = this.waits > MAX_WAITS || retryAfterMs > LONGEST_WAIT_MS;
      return isTooMuch ? { kind: 'gave up' } : { kind: 'retry', afterMs: retryAfterMs };
    }
    return status >= 500 ? this.#quickly() : { kind: 'final' };
  }

  #quickly(): NextStep {
    this.#quick += 1;
    return this.#quick > MAX_QUICK_RETRIES ? { kind: 'gave up' } : { kind: 'retry', afterMs: QUICK_MS };
  }
}
