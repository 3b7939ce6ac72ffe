import { limits } from '../config/limits.js';
import { backoffMs } from '../runtime/backoff.js';

const backoff = { firstMs: limits.refreshBackoffFirstMs, maxMs: limits.refreshBackoffMaxMs };

/** Refresh state of one account. Times are epoch ms. */
export type RefreshState =
  | { readonly kind: 'idle' }
  | Waiting
  /** The account still serves until upstream rejects its access token. */
  | ({ readonly kind: 'refused' } & Refused)
  | InDoubt;

/** The last request failed without using up the refresh token. */
export interface Waiting {
  readonly kind: 'waiting';
  readonly until: number;
  /** Failures in a row that the token endpoint has caused. */
  readonly failures: number;
  readonly reason: string;
  /** The endpoint could not be reached, so the pause ends as soon as the network is back. */
  readonly isNetworkFault: boolean;
  readonly isTokenRejected: boolean;
}

/** A final refusal by the token endpoint. */
export interface Refused {
  readonly code: string;
  readonly at: number;
  /** Upstream has also rejected the access token, so it is not sent again. */
  readonly isTokenRejected: boolean;
}

/**
 * The refresh token was sent, but the response is unknown because the process or the network died: it may or may not be
 * used up. It is sent again only after the access token has expired, and not before `until`.
 */
export interface InDoubt {
  readonly kind: 'in-doubt';
  /** Time of the last request without a known response. */
  readonly since: number;
  /** Whether that request was itself made in doubt. */
  readonly isAgain: boolean;
  /** Earliest time of the next request; null: as soon as the access token has expired. */
  readonly until: number | null;
  /** Failures since then that did not use up the refresh token. */
  readonly failures: number;
  readonly reason: string;
  readonly isTokenRejected: boolean;
}

export type RefreshEvent =
  | { readonly kind: 'granted' }
  /** Tokens were issued, but no new access token. `before`: the state before they were saved. */
  | {
      readonly kind: 'granted-in-part';
      readonly reason: string;
      readonly at: number;
      readonly before: RefreshState;
    }
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
  | RefreshFailure
  /** Upstream or the token endpoint can be reached again. */
  | { readonly kind: 'network-back'; readonly at: number };

/** A failure that has certainly not used up the refresh token. */
export interface RefreshFailure {
  readonly kind: 'failed';
  readonly reason: string;
  readonly at: number;
  /** Nothing was sent: the token endpoint could not be reached. */
  readonly isNetworkFault: boolean;
}

export const idle: RefreshState = { kind: 'idle' };

/** Returns the refresh state after an event. No other code changes the state. */
export function nextRefreshState(state: RefreshState, event: RefreshEvent): RefreshState {
  switch (event.kind) {
    case 'granted':
    case 'renewed-elsewhere':
      return idle;
    case 'refused-for-good':
      return { ...event, kind: 'refused', isTokenRejected: event.isTokenRejected || isTokenRejected(state) };
    case 'token-rejected':
      return state.kind === 'idle' || state.isTokenRejected ? state : { ...state, isTokenRejected: true };
    case 'left-in-doubt': {
      const { since, isAgain, reason } = event;
      const until = isAgain ? since + limits.refreshBackoffMaxMs : null;
      const isRejected = isTokenRejected(state);
      return { kind: 'in-doubt', since, isAgain, until, failures: 0, reason, isTokenRejected: isRejected };
    }
    case 'granted-in-part':
      return waitingAfter(event.before, failuresIn(event.before) + 1, event);
    case 'failed':
      return afterFailure(state, event);
    case 'network-back':
      return isPausedByNetwork(state, event.at) ? { ...state, until: event.at } : state;
    default:
      return event satisfies never;
  }
}

/**
 * An in-doubt refresh stays in doubt: this failure says nothing about the earlier request. After a network fault the
 * pause does not grow: the endpoint has seen no request, and nothing else may show that the network is back.
 */
function afterFailure(state: RefreshState, { reason, at, isNetworkFault }: RefreshFailure): RefreshState {
  const before = state.kind === 'waiting' || state.kind === 'in-doubt' ? state.failures : 0;
  if (isNetworkFault && state.kind !== 'in-doubt') {
    const until = at + limits.refreshBackoffFirstMs;
    const rejected = isTokenRejected(state);
    return { kind: 'waiting', reason, isNetworkFault, isTokenRejected: rejected, until, failures: before };
  }
  const failures = before + 1;
  if (state.kind === 'in-doubt')
    return { ...state, until: at + backoffMs(failures, backoff), failures, reason };
  return waitingAfter(state, failures, { reason, at });
}

function waitingAfter(
  state: RefreshState,
  failures: number,
  { reason, at }: { readonly reason: string; readonly at: number },
): Waiting {
  return {
    kind: 'waiting',
    until: at + backoffMs(failures, backoff),
    failures,
    reason,
    isNetworkFault: false,
    isTokenRejected: isTokenRejected(state),
  };
}

/** Failures in a row; those of a refresh in doubt were of another request. */
function failuresIn(state: RefreshState): number {
  return state.kind === 'waiting' ? state.failures : 0;
}

/** Returns whether the network alone stands in the way of the next token request. `now`: epoch ms. */
export function isPausedByNetwork(state: RefreshState, now: number): state is Waiting {
  return state.kind === 'waiting' && state.isNetworkFault && state.until > now;
}

/** Returns the earliest time of the next token request (epoch ms); null for no limit. */
export function pausedUntil(state: RefreshState): number | null {
  return state.kind === 'waiting' || state.kind === 'in-doubt' ? state.until : null;
}

/** Returns whether upstream has rejected the access token since its refresh began to fail. */
export function isTokenRejected(state: RefreshState): boolean {
  return state.kind !== 'idle' && state.isTokenRejected;
}

/** Returns whether the account needs a login: both its refresh token and its access token are refused. */
export function needsLogin(state: RefreshState): boolean {
  return state.kind === 'refused' && state.isTokenRejected;
}

/** Returns whether a token request may be made now, to replace an access token that has ended. `now`: epoch ms. */
export function mayRequest(state: RefreshState, now: number): boolean {
  if (state.kind === 'refused') return false;
  const until = pausedUntil(state);
  return until === null || hasPassed(until, now);
}

/** Returns whether a pause is over. A pause longer than the longest possible one means that the clock was set back. */
export function hasPassed(until: number, now: number): boolean {
  return until <= now || until - now > limits.refreshBackoffMaxMs;
}

/**
 * The steps of a refresh, in order. A process may die after any of them; docs/vault.md lists what the next process then
 * finds and does.
 */
export const refreshSteps = [
  /** No other process refreshes this account. */
  'locked',
  /** The file was read again and has no newer tokens. */
  'read-again',
  /** The journal records that the refresh token is about to be sent. */
  'announced',
  /** The token endpoint has responded. */
  'answered',
  /** The journal holds the new tokens, on disk. */
  'journaled',
  /** The file holds them. */
  'written',
  /** Requests use them. */
  'in-memory',
  /** The journal is empty again. */
  'journal-cleared',
] as const;

export type RefreshStep = (typeof refreshSteps)[number];

/** Called after each step, before the next one begins. */
export type RefreshStepWatcher = (step: RefreshStep, account: string) => void;

export const REFRESH_STEP_WATCHER = Symbol('RefreshStepWatcher');
