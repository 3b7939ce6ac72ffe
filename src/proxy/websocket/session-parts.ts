import type { WebSocket } from 'ws';
import type { Account } from '../../accounts/account.js';
import type { Unavailable } from '../../accounts/availability.js';
import type { Secret } from '../../runtime/secret.js';
import type { AttemptOutcome } from '../upstream/outcome.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import type { SocketTurn } from './turn.js';
import type { TurnRecorder } from './turn-recorder.js';

/** A WebSocket at upstream, and whose it is. */
export interface Opened {
  readonly socket: WebSocket;
  readonly account: Account;
  /** The token that its handshake carried; null without one. */
  readonly token: Secret | null;
}

/** What a session needs of the program around it. */
export interface SessionParts {
  readonly recorder: TurnRecorder;
  /** The handshake: its headers name the session. */
  readonly request: ProxyRequest;
  readonly maxAttempts: number;
  /** A fault of our own has ended the session. */
  readonly failed: (error: unknown) => void;
  /** Starts the renewal of a token that upstream has rejected in the middle of a turn. */
  readonly renew: (rejected: Opened) => void;
  readonly isDraining: () => boolean;
  /** Why this account may not serve now; null when it may. `model` null asks for any. */
  readonly whyUnavailable: (account: Account, model: string | null) => Unavailable | null;
  /** A WebSocket of another account than those that the turn has tried; null when there is none. */
  readonly openFor: (turn: SocketTurn) => Promise<Opened | null>;
  /** The pool's own refusal, where it says more than upstream's; null where upstream's stands. */
  readonly ownWord: (turn: SocketTurn, outcome: AttemptOutcome | null) => Buffer | null;
  /** The message without what another account has encrypted; null when nothing can be taken out. */
  readonly withoutCrossAccount: (message: Buffer, account: Account) => Buffer | null;
}
