import { limits } from '../limits.js';

/** Where the refresh of one account stands. Times are epoch ms. */
export type RefreshState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'waiting'; readonly until: number; readonly failures: number; readonly reason: string }
  | { readonly kind: 'refused'; readonly code: string; readonly at: number }
  /** A process ended while it waited for the answer: the refresh token may be used up, or not. */
  | { readonly kind: 'in-doubt'; readonly since: number };

export type RefreshEvent =
  | { readonly kind: 'granted' }
  | { readonly kind: 'renewed-elsewhere' }
  | { readonly kind: 'refused-for-good'; readonly code: string; readonly at: number }
  | { readonly kind: 'left-in-doubt'; readonly since: number }
  | { readonly kind: 'failed'; readonly reason: string; readonly at: number };

export const idle: RefreshState = { kind: 'idle' };

/** The only place where a refresh changes its state. */
export function nextRefreshState(state: RefreshState, event: RefreshEvent): RefreshState {
  switch (event.kind) {
    case 'granted':
    case 'renewed-elsewhere':
      return idle;
    case 'refused-for-good':
      return { kind: 'refused', code: event.code, at: event.at };
    case 'left-in-doubt':
      return { kind: 'in-doubt', since: event.since };
    case 'failed': {
      const failures = state.kind === 'waiting' ? state.failures + 1 : 1;
      const pause = Math.min(limits.refreshBackoffFirstMs * 2 ** (failures - 1), limits.refreshBackoffMaxMs);
      return { kind: 'waiting', until: event.at + pause, failures, reason: event.reason };
    }
    default:
      return event satisfies never;
  }
}

/** Whether a pause is over (epoch ms). One that is longer than any was begun by a clock that has been set back. */
export function hasPassed(until: number, now: number): boolean {
  return until <= now || until - now > limits.refreshBackoffMaxMs;
}
