import type { AttemptOutcome } from '../outcome/outcome.js';

/** The state of a request's attempts. */
export interface Progress {
  /** Attempts that the budget still allows. */
  readonly attemptsLeft: number;
  /** False if the body could not be kept: no second attempt is then possible. */
  readonly isReplayable: boolean;
  /** The current account's token has already been refreshed for this request. */
  readonly hasRefreshed: boolean;
  /** The request has already been retried on the current account after a fault. */
  readonly hasRetried: boolean;
  /** A reused connection has already broken for this request. */
  readonly hasRetriedReused: boolean;
  /** The recovery that is left for another account's encrypted content; null if none. */
  readonly recovery: Recovery | null;
  /** The request has already gone to another account because of this kind of outcome. */
  readonly hasMovedFor: (kind: AttemptOutcome['kind']) => boolean;
  /** Another account has already responded with 403 and this code, so the refusal is about the request. */
  readonly hasBeenForbidden: (code: string) => boolean;
}

/** Return to the session's former account, or remove what only that account can read. */
export type Recovery = 'go-back' | 'strip';

/**
 * The next step after an attempt:
 *
 * - `pass-on`: send the response to the client unchanged
 * - `refresh`: try the same account with a new token; free of the budget
 * - `retry-at-once`: try the same account again; free of the budget
 * - `retry`: try the same account again after a pause
 * - `go-back`: try the session's former account; free of the budget
 * - `strip`: try the same account without the cross-account content; free of the budget
 * - `failover`: try another account, if any
 * - `give-up`: send a local response
 * - `stop`: end; the client has left
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

/** Decides whether to try again, and on which account. Called only before the commit. */
export function decide(outcome: AttemptOutcome, progress: Progress): Verdict {
  const { attemptsLeft, isReplayable } = progress;
  const another = (otherwise: Verdict): Verdict =>
    isReplayable && attemptsLeft > 0 ? 'failover' : otherwise;
  switch (outcome.kind) {
    case 'success':
    case 'opened':
    case 'client-error':
    case 'turn-failed':
    case 'wrong-place': // the place is the same for every account
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
    case 'forbidden':
      return progress.hasBeenForbidden(outcome.code) ? 'pass-on' : another('pass-on');
    case 'not-entitled':
    case 'needs-login':
    case 'refresh-failed':
    case 'deactivated':
    case 'quota-exhausted':
    case 'rate-limited':
      return another('give-up');
    default:
      return outcome satisfies never;
  }
}
