import type { ClientRequest, IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { WebSocket } from 'ws';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { limits } from '../../config/limits.js';
import type { AttemptEnd, BuiltRequest } from './upstream-request.js';
import { UpstreamClient } from './upstream-client.js';
import { deflate } from './deflate.js';

/** How the opening of a WebSocket at upstream ended: as any attempt, or with the socket and the head of its answer. */
export type OpeningEnd =
  | AttemptEnd
  | {
      readonly kind: 'opened';
      readonly socket: WebSocket;
      readonly response: IncomingMessage;
      readonly at: number;
    };

/** Of a handshake (RFC 6455 4.1): each side makes its own. */
const handshakeHeaders = [
  'sec-websocket-key',
  'sec-websocket-version',
  'sec-websocket-extensions',
  'sec-websocket-protocol',
];

/** Opens single WebSockets at upstream. Decides nothing and retries nothing. */
@Injectable()
export class UpstreamWebSockets {
  constructor(
    private readonly upstream: UpstreamClient,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  /** Resolves when upstream has answered the handshake, one way or the other. `signal` stops it until then. */
  async open(plan: BuiltRequest, signal: AbortSignal): Promise<OpeningEnd> {
    const { promise, resolve } = Promise.withResolvers<OpeningEnd>();
    let request: ClientRequest | null = null;
    const headers = Object.fromEntries(
      Object.entries(plan.headers).filter(([name]) => !handshakeHeaders.includes(name)),
    );
    const socket = new WebSocket(new URL(plan.url, this.config.responsesBase), {
      headers,
      agent: this.upstream.agentOf('responses'),
      handshakeTimeout: limits.socketHandshakeMs,
      maxPayload: limits.frameBytes,
      perMessageDeflate: deflate,
      skipUTF8Validation: true, // frames pass as they are
      finishRequest: (asked) => {
        request = asked;
        asked.end();
      },
    });
    let head: IncomingMessage | null = null;
    const onAbort = () => socket.terminate();
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    socket
      .once('upgrade', (response) => (head = response))
      .once('open', () => {
        // Nothing of it is to be read before somebody listens.
        socket.pause();
        if (head !== null) resolve({ kind: 'opened', socket, response: head, at: performance.now() });
      })
      .once('unexpected-response', (asked, response) => {
        response.once('close', () => asked.destroy());
        resolve({ kind: 'answered', response, at: performance.now() });
      })
      .on('error', (error) => resolve({ kind: 'failed', error, wasReused: request?.reusedSocket ?? false }));
    const end = await promise;
    signal.removeEventListener('abort', onAbort);
    return end;
  }
}
