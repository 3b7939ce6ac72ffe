import type { IncomingHttpHeaders } from 'node:http';
import { describeError } from '../../runtime/pool-error.js';
import type { Secret } from '../../runtime/secret.js';
import type { SocketMessage, UpstreamSocket } from '../socket/upstream-socket.js';
import type { AttemptOutcome } from '../outcome/outcome.js';
import { discard, type PeekedResponse } from './response-peek.js';

/** The response to a turn on a WebSocket: its first messages, held back from the client, and the socket of the rest. */
export interface SocketResponse {
  readonly upstream: UpstreamSocket;
  readonly held: readonly SocketMessage[];
}

/**
 * How one attempt ended: its outcome, and the response if one arrived. None of the response has been sent to the
 * client yet.
 */
export interface Attempted {
  readonly outcome: AttemptOutcome;
  /** The HTTP status, or the one that a message stands for; null without a response. */
  readonly status: number | null;
  /** The head of the response, or the headers in a message that stands for one. */
  readonly headers: IncomingHttpHeaders;
  /** The response over HTTP, also to a handshake that was refused; null if none came. */
  readonly peeked: PeekedResponse | null;
  /** The response on a WebSocket; null if none was opened. */
  readonly socket: SocketResponse | null;
  /** The access token that was sent; null if no token was available or needed. */
  readonly token: Secret | null;
  /** Epoch ms. */
  readonly startedAt: number;
  /** `performance.now()` when the request was sent and when the response head, or the first message, arrived. */
  readonly sentAt: number;
  readonly headAt: number;
}

/** An attempt that has no response so far. `startedAt` is epoch ms. */
export function unanswered(startedAt: number): Attempted {
  const now = performance.now();
  const outcome = { kind: 'unreachable', wasReused: false, reason: 'no response' } as const;
  const none = { status: null, headers: {}, peeked: null, socket: null, token: null };
  return { outcome, ...none, startedAt, sentAt: now, headAt: now };
}

/** Leaves an attempt whose response goes to no client: discards a response over HTTP, leaves a socket. */
export function releaseAttempt({ peeked, socket }: Attempted): void {
  if (peeked !== null) discard(peeked.response);
  socket?.upstream.leave();
}

/** The outcome of an attempt that got no usable response. */
export function unreachable(error: Error, wasReused: boolean): AttemptOutcome {
  return { kind: 'unreachable', wasReused, reason: describeError(error) };
}
