import type { Answered } from './storm-turn.js';

const WAITS = 10;
const QUICK_REPEATS = 4;
const STREAM_REPEATS = 8;
const QUICK_MS = 20;

/** What a client does after an answer, as Codex does. */
export type Next =
  | { readonly kind: 'served' }
  /** Upstream's word on the turn itself, or one of ours that a person has to read: it is shown, and the turn is over. */
  | { readonly kind: 'over' }
  | { readonly kind: 'again'; readonly afterMs: number }
  /** Repeated as often as it may be. */
  | { readonly kind: 'gives up' };

/** Repeats one turn, within bounds: a 503 or 429 as long as it says, 5xx quickly, a broken stream as a whole. */
export class CodexPatience {
  waits = 0;
  #quick = 0;
  #streams = 0;

  next({ status, retryAfterMs, isComplete, isBroken, errors, output, text }: Answered): Next {
    if (status === null) return this.#quickly();
    if (status === 200) {
      this.#quick = 0;
      if (isComplete && output.length > 0 && errors.length === 0) return { kind: 'served' };
      if (!isBroken && text.includes('invalid_prompt')) return { kind: 'over' };
      this.#streams += 1;
      return this.#streams > STREAM_REPEATS ? { kind: 'gives up' } : { kind: 'again', afterMs: QUICK_MS };
    }
    if (status === 429 && text.includes('"usage_limit_reached"')) return { kind: 'over' };
    if ((status === 429 || status === 503) && retryAfterMs !== null) {
      this.waits += 1;
      return this.waits > WAITS ? { kind: 'gives up' } : { kind: 'again', afterMs: retryAfterMs };
    }
    return status >= 500 ? this.#quickly() : { kind: 'over' };
  }

  #quickly(): Next {
    this.#quick += 1;
    return this.#quick > QUICK_REPEATS ? { kind: 'gives up' } : { kind: 'again', afterMs: QUICK_MS };
  }
}
