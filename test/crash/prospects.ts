import { type RefreshStep, refreshSteps } from '../../src/tokens/refresh-state.js';
import type { KeptTokens } from './kept-tokens.js';

/** What the next process has to do with an account, as far as can be told from outside. */
export interface Prospect {
  /** The generation that its file must hold at least, as index. */
  readonly atLeast: number;
  /**
   * Whether it may use the refresh token that it finds: `must` where all is known; `must-not` where the token may be
   * spent already, as long as there is no new login; `either` where the kill leaves it open which of the two it was.
   */
  readonly asks: 'must' | 'must-not' | 'either';
  /** The newest tokens went down with the process that had asked for them. */
  readonly isResponseLost: boolean;
}

export const untouched: Prospect = { atLeast: 0, asks: 'must', isResponseLost: false };

const orderOf = (step: RefreshStep): number => refreshSteps.indexOf(step);

/** Where the endpoint may have spent the token, and no disk knows its successor. */
const inDoubt: ReadonlySet<RefreshStep> = new Set(['announced', 'answered']);

/** Tokens that are on no disk although the process had got so far that they had to be, or null. */
export function lossOf(kept: KeptTokens, before: Prospect, last: RefreshStep | null): string | null {
  if (kept.onDisk < before.atLeast) return `generation ${before.atLeast} was there, now ${kept.onDisk} is`;
  // Without a trace the step is not known, and tokens that were lost before stay lost.
  if (last === null || before.isResponseLost || inDoubt.has(last)) return null;
  return kept.onDisk === kept.issued ? null : `killed after ${last}, but generation ${kept.issued} is gone`;
}

/** What follows from where the last life has ended. `last` is null where it had no refresh, or was not traced. */
export function prospectAfter(
  kept: KeptTokens,
  before: Prospect,
  last: RefreshStep | null,
  isTraced: boolean,
): Prospect {
  const isResponseLost = kept.onDisk < kept.issued;
  return { atLeast: kept.onDisk, asks: asks(isResponseLost, before, last, isTraced), isResponseLost };
}

function asks(
  isResponseLost: boolean,
  before: Prospect,
  last: RefreshStep | null,
  isTraced: boolean,
): Prospect['asks'] {
  if (isResponseLost || before.asks === 'must-not') return 'must-not';
  if (last === null) return isTraced ? before.asks : 'either';
  if (last === 'announced') return 'must-not';
  if (orderOf(last) >= orderOf('journaled')) return 'must';
  // After `read-again` the announcement may be on disk already; after `answered` the answer may.
  return last === 'locked' ? before.asks : 'either';
}
