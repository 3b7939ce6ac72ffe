import type { Secret } from '../runtime/secret.js';

/** The browser is to come back to our callback address, with a code and this state. */
export interface BrowserWait {
  readonly kind: 'browser';
  readonly state: Secret;
  readonly verifier: Secret;
  readonly redirectUri: string;
}

/** A person is to type the user code on a page; until then we ask again and again. */
export interface DeviceWait {
  readonly kind: 'device';
  readonly deviceAuthId: Secret;
  readonly userCode: string;
  readonly verificationUrl: string;
  readonly intervalMs: number;
  /** When to ask next, epoch ms. */
  readonly askAt: number;
}

export type LoginWait = BrowserWait | DeviceWait;

/** How a login stands. */
export type LoginState =
  /** A person has to act; `until` (epoch ms) is the moment at which it is too late. */
  | { readonly kind: 'waiting'; readonly wait: LoginWait; readonly until: number }
  /** The person has allowed it; the code, good for one use, is being exchanged. Neither expires nor is cancelled. */
  | { readonly kind: 'completing' }
  | { readonly kind: 'succeeded'; readonly account: string; readonly result: 'added' | 'renewed' }
  /** `code` is stable, `message` for a person. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'expired' }
  | { readonly kind: 'cancelled' };

export type LoginEvent =
  | { readonly kind: 'time-passed'; readonly now: number }
  /** The device login is still to be allowed; ask again at `askAt`. */
  | { readonly kind: 'still-pending'; readonly askAt: number }
  | { readonly kind: 'allowed' }
  | { readonly kind: 'saved'; readonly account: string; readonly result: 'added' | 'renewed' }
  | { readonly kind: 'failed'; readonly code: string; readonly message: string }
  | { readonly kind: 'cancelled' };

/** The state after an event. What has ended stays as it ended. */
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

/** Whether anything can still become of it. */
export function isOpen(state: LoginState): boolean {
  return state.kind === 'waiting' || state.kind === 'completing';
}
