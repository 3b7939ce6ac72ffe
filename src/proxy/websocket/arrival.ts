import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { bufferHandshake } from '../ingress/handshake-buffer.js';
import { ProxyRequest } from '../request/proxy-request.js';
import type { ReplayBudget } from '../request/replay-budget.js';

/** A client that requests a WebSocket. */
export interface Arrival {
  readonly req: IncomingMessage;
  /** Used to respond without a WebSocket. */
  readonly res: ServerResponse;
  readonly socket: Socket;
  readonly head: Buffer;
  /** With the leading question mark; empty if there is no query. */
  readonly query: string;
}

/** The request of an arrival, and the function that stops buffering what the client sends meanwhile. */
export interface ArrivedRequest {
  readonly request: ProxyRequest;
  /** Returns the bytes that followed the head of the request. */
  readonly takeHead: () => Buffer;
}

/** Starts to serve an arrival: its end is noticed from now on, and aborts the request. */
export function arrivedRequest({ req, socket, head, query }: Arrival, budget: ReplayBudget): ArrivedRequest {
  const gone = new AbortController();
  socket.once('close', () => gone.abort());
  const takeHead = bufferHandshake(socket, head);
  return { request: ProxyRequest.ofUpgrade(req, query, budget, gone.signal), takeHead };
}
