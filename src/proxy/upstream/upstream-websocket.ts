import type { ClientRequest, IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { WebSocket } from 'ws';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { limits } from '../../config/limits.js';
import type { AttemptEnd, BuiltRequest } from './upstream-request.js';
import { type UpstreamBase, UpstreamClient } from './upstream-client.js';
import { deflate } from '../socket/deflate.js';
import { SocketLiveness } from '../socket/socket-liveness.js';

/** How opening an upstream WebSocket ended: like any attempt, or with the socket and its response head. */
export type OpeningEnd =
  | AttemptEnd
  | {
      readonly kind: 'opened';
      readonly socket: WebSocket;
      readonly response: IncomingMessage;
      readonly at: number;
    };

const meaningNoSockets: ReadonlySet<number | undefined> = new Set([404, 405, 426, 501]);

/** Whether the status of a refused handshake means that upstream takes no WebSockets on this path. */
export function meansNoSockets(status: number | undefined): boolean {
  return meaningNoSockets.has(status);
}

/** Handshake headers (RFC 6455 4.1) that each side generates itself. The subprotocol is negotiated end to end. */
const handshakeHeaders = ['sec-websocket-key', 'sec-websocket-version', 'sec-websocket-extensions'];
const SUBPROTOCOL = 'sec-websocket-protocol';

/** Opens single upstream WebSockets. Decides nothing and retries nothing. */
@Injectable()
export class UpstreamWebSockets {
  constructor(
    private readonly upstream: UpstreamClient,
    private readonly liveness: SocketLiveness,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  /** Resolves when upstream has accepted or refused the handshake. `signal` aborts it until then. */
  async open(base: UpstreamBase, plan: BuiltRequest, signal: AbortSignal): Promise<OpeningEnd> {
    const { promise, resolve } = Promise.withResolvers<OpeningEnd>();
    let request: ClientRequest | null = null;
    const headers = Object.fromEntries(
      Object.entries(plan.headers).filter(([name]) => !handshakeHeaders.includes(name)),
    );
    const socket = new WebSocket(
      new URL(plan.url, base === 'responses' ? this.config.responsesBase : this.config.whamBase),
      {
        headers,
        agent: this.upstream.agentOf(base),
        handshakeTimeout: limits.socketHandshakeMs,
        maxPayload: limits.messageBytes,
        perMessageDeflate: deflate,
        skipUTF8Validation: true, // messages pass unchanged
        finishRequest: (asked) => {
          request = asked;
          asked.end();
        },
      },
    );
    let head: IncomingMessage | null = null;
    let subprotocol: string | undefined;
    const onAbort = () => socket.terminate();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    socket
      .once('upgrade', (response) => {
        head = response;
        subprotocol = takeSubprotocol(plan, response);
      })
      .once('open', () => {
        // Paused until a listener is attached.
        socket.pause();
        if (head === null) return;
        if (subprotocol !== undefined) head.headers[SUBPROTOCOL] = subprotocol;
        this.liveness.watch(socket, head.socket);
        resolve({ kind: 'opened', socket, response: head, at: performance.now() });
      })
      .once('unexpected-response', (asked, response) => {
        response.once('close', () => asked.destroy());
        resolve({ kind: 'responded', response, at: performance.now() });
      })
      .on('error', (error) => resolve({ kind: 'failed', error, wasReused: request?.reusedSocket ?? false }));
    const end = await promise;
    signal.removeEventListener('abort', onAbort);
    return end;
  }
}

/**
 * Takes the subprotocol that upstream has chosen out of its response, if the client offered it. The library would
 * refuse the choice, because it did not offer it itself; if it did, it would refuse an upstream that chooses none.
 */
function takeSubprotocol({ headers }: BuiltRequest, response: IncomingMessage): string | undefined {
  const chosen = response.headers[SUBPROTOCOL];
  const offered = (headers[SUBPROTOCOL] ?? '').split(',');
  if (chosen === undefined || !offered.some((it) => it.trim() === chosen)) return undefined;
  delete response.headers[SUBPROTOCOL];
  return chosen;
}
