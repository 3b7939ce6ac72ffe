import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import { WebSocketServer } from 'ws';
import { RequestLog } from '../../observability/request-log.js';
import { limits } from '../../config/limits.js';
import { AttemptLoop, type LoopEnd } from '../failover/attempt-loop.js';
import { type LocalResponse, sendLocalResponse } from '../response/local-response.js';
import { FailoverContext } from '../failover/failover-context.js';
import { RequestRecord } from '../failover/request-record.js';
import { Forwarder } from '../failover/forwarder.js';
import { discard } from '../upstream/response-peek.js';
import { ProxyRequest } from '../request/proxy-request.js';
import { ReplayBudget } from '../request/replay-budget.js';
import { ResponseCommit } from '../response/response-commit.js';
import { deflate } from '../socket/deflate.js';
import { bufferHandshake } from '../ingress/handshake-buffer.js';
import { SocketSessions } from './sessions.js';

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

const PATH = 'responses';
/** Upstream offers no WebSocket on this path: Codex silently continues over HTTP. */
const noSockets: LocalResponse = {
  status: 426,
  code: 'websocket_not_supported',
  type: 'invalid_request',
  message: 'Upstream accepts no WebSockets; Codex continues over HTTP.',
  headers: { upgrade: 'HTTP/1.1', connection: 'upgrade, close' },
};
const meansNoSockets: ReadonlySet<number | undefined> = new Set([404, 405, 426, 501]);

/** Opens upstream's WebSocket before the client's, so a refusal fails over without the client noticing. */
@Injectable()
export class Handshake {
  private readonly server = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytes,
    perMessageDeflate: deflate,
    skipUTF8Validation: true, // messages pass unchanged
  });
  private readonly answers = new WeakMap<IncomingMessage, OutgoingHttpHeaders>();

  constructor(
    private readonly loop: AttemptLoop,
    private readonly forwarder: Forwarder,
    private readonly commit: ResponseCommit,
    private readonly sessions: SocketSessions,
    private readonly requestLog: RequestLog,
    private readonly budget: ReplayBudget,
  ) {
    this.server.on('headers', (lines, req) => {
      for (const [name, value] of Object.entries(this.answers.get(req) ?? {}))
        lines.push(`${name}: ${String(value)}`);
    });
  }

  /** Resolves when the client has its WebSocket or a refusal. */
  async serve(arrival: Arrival): Promise<void> {
    const { req, res, socket, query } = arrival;
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    const takeHead = bufferHandshake(socket, arrival.head);
    const request = ProxyRequest.ofUpgrade(req, query, this.budget, gone.signal);
    const record = new RequestRecord(request, 'websocket', this.requestLog);
    const context = new FailoverContext(request, PATH, record, null, { model: null });
    const end = await this.loop.run(context);
    if (end.kind === 'pass-on' && end.result.attempted.socket !== null)
      return this.accept({ ...arrival, head: takeHead() }, request, context, end);
    if (end.kind === 'pass-on' && meansNoSockets.has(end.result.attempted.peeked?.response.statusCode)) {
      using _lease = end.lease;
      if (end.result.attempted.peeked !== null) discard(end.result.attempted.peeked.response);
      sendLocalResponse(res, noSockets);
      return record.end(noSockets.code, noSockets.status);
    }
    await this.forwarder.respond(context, res, end);
  }

  private accept(
    { req, res, socket, head }: Arrival,
    request: ProxyRequest,
    { record }: FailoverContext,
    { result: { account, attempted }, lease }: LoopEnd & { kind: 'pass-on' },
  ): void {
    using _lease = lease; // each turn takes its own lease
    const { socket: upstream, peeked } = attempted;
    if (upstream === null) return;
    if (socket.destroyed) {
      upstream.terminate();
      return record.end('client gone', 499);
    }
    if (peeked !== null)
      this.answers.set(req, handshakeFields(this.commit.headersOf(request, account, peeked.response, true)));
    res.detachSocket(socket);
    let isOpen = false;
    this.server.handleUpgrade(req, socket, head, (client) => {
      isOpen = true;
      record.end('opened', 101);
      this.sessions.begin(client, { socket: upstream, account, token: attempted.token }, request, PATH);
    });
    if (isOpen) return; // calls back synchronously or never
    upstream.terminate();
    record.end('bad handshake', 400);
  }
}

/**
 * Each side generates its own handshake headers (RFC 6455 4.2.2); the remaining upstream headers go to the client.
 */
function handshakeFields(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('sec-websocket-')));
}
