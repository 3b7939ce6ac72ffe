import { type RefreshStep, refreshSteps } from '../../src/tokens/refresh-state.js';
import type { TokenGenerations } from './token-generations.js';

/** The behaviour required of the next run for an account, as far as an outside observer can know. */
export interface Expectation {
  /** The lowest generation that the credential file may hold, as an index. */
  readonly atLeast: number;
  /**
   * Whether the next run uses the refresh token that it finds: `must` if the token is certainly unspent; `must-not` if
   * it may be spent and there is no new login; `either` if the kill leaves open which of the two holds.
   */
  readonly refresh: 'must' | 'must-not' | 'either';
  /** The newest tokens were in a response that the killed process never saved. */
  readonly isResponseLost: boolean;
}

export const fresh: Expectation = { atLeast: 0, refresh: 'must', isResponseLost: false };

const orderOf = (step: RefreshStep): number => refreshSteps.indexOf(step);

/** Steps at which the endpoint may have spent the token while its successor is not on disk. */
const inDoubt: ReadonlySet<RefreshStep> = new Set(['announced', 'answered']);

/** Describes tokens that are missing on disk although the process had passed the step that saves them; else null. */
export function lossOf(kept: TokenGenerations, before: Expectation, last: RefreshStep | null): string | null {
  if (kept.onDisk < before.atLeast)
    return `generation ${before.atLeast} was on disk, now the newest is ${kept.onDisk}`;
  // Without a trace the step is unknown. Tokens that were lost before stay lost.
  if (last === null || before.isResponseLost || inDoubt.has(last)) return null;
  return kept.onDisk === kept.issued ? null : `killed after ${last}, but generation ${kept.issued} is gone`;
}

/**
 * The expectation after a kill. `last` is the last step of the account's refresh; null if the run had no refresh or was
 * not traced.
 */
export function expectationAfter(
  kept: TokenGenerations,
  before: Expectation,
  last: RefreshStep | null,
  isTraced: boolean,
): Expectation {
  const isResponseLost = kept.onDisk < kept.issued;
  return { atLeast: kept.onDisk, refresh: refresh(isResponseLost, before, last, isTraced), isResponseLost };
}

function refresh(
  isResponseLost: boolean,
  before: Expectation,
  last: RefreshStep | null,
  isTraced: boolean,
): Expectation['refresh'] {
  if (isResponseLost || before.refresh === 'must-not') return 'must-not';
  if (last === null) return isTraced ? before.refresh : 'either';
  if (last === 'announced') return 'must-not';
  if (orderOf(last) >= orderOf('journaled')) return 'must';
  // After `read-again` the announcement may already be on disk; after `answered` the response may.
  return last === 'locked' ? before.refresh : 'either';
}
