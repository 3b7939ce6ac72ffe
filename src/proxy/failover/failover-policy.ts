import type { AttemptOutcome } from '../upstream/outcome.js';

/** What a request has been through with its attempts. */
export interface Progress {
  /** Attempts that the budget still allows. */
  readonly attemptsLeft: number;
  /** False when the body could not be kept: then there is no second attempt of any kind. */
  readonly isReplayable: boolean;
  /** The current account has already had its token refreshed for this request. */
  readonly hasRefreshed: boolean;
  /** The current account has already been tried again after a fault. */
  readonly hasRetried: boolean;
  /** A connection that was used before has already broken for this request. */
  readonly hasRetriedReused: boolean;
  /** What may still be tried for a request whose encrypted content another account has made; null: nothing. */
  readonly recovery: Recovery | null;
  /** The request has already gone to another account because of this kind of outcome. */
  readonly hasMovedFor: (kind: AttemptOutcome['kind']) => boolean;
}

/** Back to the account that the session was with, or without what only that one can read. */
export type Recovery = 'go-back' | 'strip';

/**
 * - `pass-on`: the answer is the client's, as it is
 * - `refresh`: the same account again, with another token; free of the budget
 * - `retry-at-once`: the same account again; free of the budget
 * - `retry`: the same account again after a pause
 * - `go-back`: the account that the session was with before; free of the budget
 * - `strip`: the same account again, without the foreign content; free of the budget
 * - `failover`: another account, if there is one
 * - `give-up`: an answer of our own
 * - `stop`: nobody is there to answer
 */
export type Verdict =
  | 'pass-on'
  | 'refresh'
  | 'retry-at-once'
  | 'retry'
  | Recovery
  | 'failover'
  | 'give-up'
  | 'stop';

/** Whether to try again, and with whom. Only ever asked before anything was sent to the client. */
export function decide(outcome: AttemptOutcome, progress: Progress): Verdict {
  const { attemptsLeft, isReplayable } = progress;
  const another = (otherwise: Verdict): Verdict =>
    isReplayable && attemptsLeft > 0 ? 'failover' : otherwise;
  switch (outcome.kind) {
    case 'success':
    case 'opened':
    case 'client-error':
    case 'turn-failed':
      return 'pass-on';
    case 'cross-account-content':
      return (isReplayable ? progress.recovery : null) ?? 'pass-on';
    case 'client-gone':
      return 'stop';
    case 'unauthorized':
      return isReplayable && !progress.hasRefreshed ? 'refresh' : another('give-up');
    case 'unreachable':
      if (isReplayable && outcome.wasReused && !progress.hasRetriedReused) return 'retry-at-once';
      return isReplayable && attemptsLeft > 0 && !progress.hasRetried ? 'retry' : another('give-up');
    case 'upstream-error':
      return isReplayable && attemptsLeft > 0 && !progress.hasRetried ? 'retry' : another('give-up');
    case 'overloaded':
      return progress.hasMovedFor('overloaded') ? 'pass-on' : another('pass-on');
    case 'edge-block':
      return progress.hasMovedFor('edge-block') ? 'give-up' : another('give-up');
    case 'not-entitled':
    case 'needs-login':
    case 'refresh-failed':
    case 'deactivated':
    case 'forbidden':
    case 'quota-exhausted':
    case 'rate-limited':
      return another('give-up');
    default:
      return outcome satisfies never;
  }
}
