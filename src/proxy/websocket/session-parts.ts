import type { WebSocket } from 'ws';
import type { Account } from '../../accounts/account.js';
import type { Unavailable } from '../../accounts/unavailable.js';
import type { Secret } from '../../runtime/secret.js';
import type { AttemptOutcome } from '../upstream/outcome.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import type { SocketTurn } from './turn.js';
import type { TurnRecorder } from './turn-recorder.js';

/** An upstream WebSocket and its account. */
export interface Opened {
  readonly socket: WebSocket;
  readonly account: Account;
  /** The access token of its handshake; null if none. */
  readonly token: Secret | null;
}

/** The services that a session uses. */
export interface SessionDependencies {
  readonly recorder: TurnRecorder;
  /** The handshake request; its headers name the session. */
  readonly request: ProxyRequest;
  readonly maxAttempts: number;
  /** Reports an internal fault that ended the session. */
  readonly failed: (error: unknown) => void;
  /** Starts renewing a token that upstream rejected during a turn. */
  readonly renew: (rejected: Opened) => void;
  readonly isDraining: () => boolean;
  /** Why this account is unavailable; null if it is available. `model` null means any model. */
  readonly whyUnavailable: (account: Account, model: string | null) => Unavailable | null;
  /** A WebSocket of an account that the turn has not tried; null if none is available. */
  readonly openFor: (turn: SocketTurn) => Promise<Opened | null>;
  /** The pool's local response if it says more than upstream's refusal; null to keep upstream's. */
  readonly localResponse: (turn: SocketTurn, outcome: AttemptOutcome | null) => Buffer | null;
  /** The message without another account's encrypted items; null if nothing can be removed. */
  readonly withoutCrossAccount: (message: Buffer, account: Account) => Buffer | null;
}
