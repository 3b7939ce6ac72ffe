import { limits } from '../config/limits.js';
import { backoffMs } from '../runtime/backoff.js';

const backoff = { firstMs: limits.refreshBackoffFirstMs, maxMs: limits.refreshBackoffMaxMs };

/** Where the refresh of one account stands. Times are epoch ms. */
export type RefreshState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'waiting'; readonly until: number; readonly failures: number; readonly reason: string }
  /** Until its access token ends, or upstream rejects that, the account goes on serving with it. */
  | ({ readonly kind: 'refused' } & Refused)
  | InDoubt;

/** The token endpoint's final word on a login. */
export interface Refused {
  readonly code: string;
  readonly at: number;
  /** Upstream has rejected the access token, too. */
  readonly isTokenRejected: boolean;
}

/**
 * Asked, and the answer is not known, since the process or the network died after the request had left: the refresh
 * token may be used up, or not. It is not sent while the access token is good; then it is, but not before `until`.
 */
export interface InDoubt {
  readonly kind: 'in-doubt';
  /** When it was asked last without a known answer. */
  readonly since: number;
  /** That was already a question in doubt. */
  readonly isAgain: boolean;
  /** The next question at the earliest; null: as soon as the access token has ended. */
  readonly until: number | null;
  /** Failures since then that are known to have used up nothing. */
  readonly failures: number;
  readonly reason: string;
}

export type RefreshEvent =
  | { readonly kind: 'granted' }
  | { readonly kind: 'renewed-elsewhere' }
  | ({ readonly kind: 'refused-for-good' } & Refused)
  /** Upstream has rejected the access token. */
  | { readonly kind: 'token-rejected' }
  | {
      readonly kind: 'left-in-doubt';
      readonly since: number;
      readonly isAgain: boolean;
      readonly reason: string;
    }
  /** It is known that the refresh token was not used. */
  | { readonly kind: 'failed'; readonly reason: string; readonly at: number };

export const idle: RefreshState = { kind: 'idle' };

/** The only place where a refresh changes its state. */
export function nextRefreshState(state: RefreshState, event: RefreshEvent): RefreshState {
  switch (event.kind) {
    case 'granted':
    case 'renewed-elsewhere':
      return idle;
    case 'refused-for-good':
      return { ...event, kind: 'refused' };
    case 'token-rejected':
      return state.kind === 'refused' ? { ...state, isTokenRejected: true } : state;
    case 'left-in-doubt': {
      const { since, isAgain, reason } = event;
      const until = isAgain ? since + limits.refreshBackoffMaxMs : null;
      return { kind: 'in-doubt', since, isAgain, until, failures: 0, reason };
    }
    case 'failed':
      return afterFailure(state, event.reason, event.at);
    default:
      return event satisfies never;
  }
}

/** A doubt stays one: that this question came to nothing tells nothing of the one before. */
function afterFailure(state: RefreshState, reason: string, at: number): RefreshState {
  const isCounting = state.kind === 'waiting' || state.kind === 'in-doubt';
  const failures = isCounting ? state.failures + 1 : 1;
  const until = at + backoffMs(failures, backoff);
  if (state.kind === 'in-doubt') return { ...state, until, failures, reason };
  return { kind: 'waiting', until, failures, reason };
}

/** When the token endpoint is asked again at the earliest (epoch ms); null: whenever there is a reason to. */
export function pausedUntil(state: RefreshState): number | null {
  return state.kind === 'waiting' || state.kind === 'in-doubt' ? state.until : null;
}

/** Whether only a login helps, as far as is known. `endsAt`: of the access token (epoch ms); null when it tells none. */
export function needsLogin(state: RefreshState, endsAt: number | null, now: number): boolean {
  return state.kind === 'refused' && (state.isTokenRejected || (endsAt !== null && endsAt <= now));
}

/** Whether a pause is over (epoch ms). One that is longer than any was begun by a clock that has been set back. */
export function hasPassed(until: number, now: number): boolean {
  return until <= now || until - now > limits.refreshBackoffMaxMs;
}

/**
 * The steps of a refresh, in their order. A process may die after any of them: what a new process then finds, and
 * does, stands in ARCHITECTURE.md.
 */
export const refreshSteps = [
  /** No other process renews this account now. */
  'locked',
  /** The file was read again: there is nothing newer in it. */
  'read-again',
  /** The journal says that the refresh token is about to be used. */
  'announced',
  /** The token endpoint has answered. */
  'answered',
  /** The journal holds the new tokens, on disk. */
  'journaled',
  /** The file holds them. */
  'written',
  /** Requests get them. */
  'in-memory',
  /** The journal is empty again. */
  'journal-cleared',
] as const;

export type RefreshStep = (typeof refreshSteps)[number];

/** Told of every step as it is done, at once and before the next one begins. */
export type RefreshStepWatcher = (step: RefreshStep, account: string) => void;

export const REFRESH_STEP_WATCHER = Symbol('RefreshStepWatcher');
