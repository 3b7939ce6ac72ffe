import type { Secret } from '../runtime/secret.js';

/** Waits for the browser's callback with a code and this state. */
export interface BrowserWait {
  readonly kind: 'browser';
  readonly state: Secret;
  readonly verifier: Secret;
  readonly redirectUri: string;
}

/** Waits until the user has typed the user code on a page; polls meanwhile. */
export interface DeviceWait {
  readonly kind: 'device';
  readonly deviceAuthId: Secret;
  readonly userCode: string;
  readonly verificationUrl: string;
  readonly intervalMs: number;
  /** Time of the next poll, epoch ms. */
  readonly askAt: number;
}

export type LoginWait = BrowserWait | DeviceWait;

/** State of a login. */
export type LoginState =
  /** The user must act before `until` (epoch ms). */
  | { readonly kind: 'waiting'; readonly wait: LoginWait; readonly until: number }
  /** The user has approved; the single-use code is being exchanged. Can no longer expire or be cancelled. */
  | { readonly kind: 'completing' }
  | { readonly kind: 'succeeded'; readonly account: string; readonly result: 'added' | 'renewed' }
  /** `code` is stable; `message` is for people. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'expired' }
  | { readonly kind: 'cancelled' };

export type LoginEvent =
  | { readonly kind: 'time-passed'; readonly now: number }
  /** The device login is not approved yet; the next poll is at `askAt`. */
  | { readonly kind: 'still-pending'; readonly askAt: number }
  | { readonly kind: 'allowed' }
  | { readonly kind: 'saved'; readonly account: string; readonly result: 'added' | 'renewed' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'cancelled' };

/** Returns the state after an event. Ended logins never change. */
export function nextLoginState(state: LoginState, event: LoginEvent): LoginState {
  switch (event.kind) {
    case 'time-passed':
      return state.kind === 'waiting' && event.now >= state.until ? { kind: 'expired' } : state;
    case 'still-pending':
      return state.kind === 'waiting' && state.wait.kind === 'device'
        ? { ...state, wait: { ...state.wait, askAt: event.askAt } }
        : state;
    case 'allowed':
      return state.kind === 'waiting' ? { kind: 'completing' } : state;
    case 'saved':
      return state.kind === 'completing'
        ? { kind: 'succeeded', account: event.account, result: event.result }
        : state;
    case 'failed':
      return isOpen(state) ? { kind: 'failed', code: event.code, message: event.message } : state;
    case 'cancelled':
      return state.kind === 'waiting' ? { kind: 'cancelled' } : state;
    default:
      return event satisfies never;
  }
}

/** Returns whether the login can still succeed. */
export function isOpen(state: LoginState): boolean {
  return state.kind === 'waiting' || state.kind === 'completing';
}
