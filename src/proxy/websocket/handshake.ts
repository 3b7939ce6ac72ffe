import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import { WebSocketServer } from 'ws';
import { RequestLog } from '../../observability/request-log.js';
import { limits } from '../../config/limits.js';
import { AttemptLoop } from '../failover/attempt-loop.js';
import { type LocalResponse, sendLocalResponse } from '../response/local-response.js';
import { FailoverContext, type SessionSocket } from '../failover/failover-context.js';
import { RequestRecord } from '../failover/request-record.js';
import { Forwarder } from '../failover/forwarder.js';
import type { UpstreamSocket } from '../socket/upstream-socket.js';
import { releaseAttempt } from '../upstream/attempted.js';
import { meansNoSockets } from '../upstream/upstream-websocket.js';
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
const badHandshake: LocalResponse = {
  status: 400,
  code: 'bad_websocket_handshake',
  type: 'invalid_request',
  message: '',
};
/** The session has no socket yet: this handshake opens its first one. */
const noSocket: SessionSocket = { current: null, onSent: () => undefined };

/** The parts that the library needs to end a handshake. */
interface Pending {
  /** Headers for the client, in addition to the library's own. */
  readonly headers: OutgoingHttpHeaders;
  /** Sends the client the reason why its handshake is invalid. */
  readonly refuse: (error: Error) => void;
}

/** Opens upstream's WebSocket before the client's, so a refusal fails over without the client noticing. */
@Injectable()
export class Handshake {
  private readonly server = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytes,
    perMessageDeflate: deflate,
    skipUTF8Validation: true, // messages pass unchanged
  });
  private readonly pending = new WeakMap<IncomingMessage, Pending>();

  constructor(
    private readonly loop: AttemptLoop,
    private readonly forwarder: Forwarder,
    private readonly commit: ResponseCommit,
    private readonly sessions: SocketSessions,
    private readonly requestLog: RequestLog,
    private readonly budget: ReplayBudget,
  ) {
    this.server.on('headers', (lines, req) => {
      for (const [name, value] of Object.entries(this.pending.get(req)?.headers ?? {}))
        lines.push(`${name}: ${String(value)}`);
    });
    this.server.on('wsClientError', (error, _socket, req) => this.pending.get(req)?.refuse(error));
  }

  /** Resolves when the client has its WebSocket or a refusal. */
  async serve(arrival: Arrival): Promise<void> {
    const { req, res, socket, query } = arrival;
    const gone = new AbortController();
    socket.once('close', () => gone.abort());
    const takeHead = bufferHandshake(socket, arrival.head);
    const request = ProxyRequest.ofUpgrade(req, query, this.budget, gone.signal);
    const record = new RequestRecord(request, 'websocket', this.requestLog);
    const context = new FailoverContext(request, PATH, record, null, noSocket);
    const end = await this.loop.run(context);
    const attempted = end.kind === 'pass-on' ? end.result.attempted : null;
    if (end.kind === 'pass-on' && attempted?.socket != null) {
      using _lease = end.lease; // each turn takes its own lease
      const { account } = end.result;
      const headers = handshakeFields(this.commit.headersOf(request, account, attempted.headers, true));
      return this.accept(
        { ...arrival, head: takeHead() },
        request,
        record,
        attempted.socket.upstream,
        headers,
      );
    }
    if (attempted?.peeked != null && meansNoSockets(attempted.peeked.response.statusCode)) {
      releaseAttempt(attempted);
      if (end.kind === 'pass-on') end.lease[Symbol.dispose]();
      sendLocalResponse(res, noSockets);
      return record.end(noSockets.code, noSockets.status);
    }
    await this.forwarder.respond(context, this.commit.channelTo(res), end);
  }

  private accept(
    { req, res, socket, head }: Arrival,
    request: ProxyRequest,
    record: RequestRecord,
    upstream: UpstreamSocket,
    headers: OutgoingHttpHeaders,
  ): void {
    if (socket.destroyed) {
      upstream.leave();
      return record.end('client gone', 499);
    }
    const refuse = (error: Error): void => {
      upstream.leave();
      sendLocalResponse(res, { ...badHandshake, message: `${error.message} (RFC 6455).` });
      record.end(badHandshake.code, badHandshake.status);
    };
    this.pending.set(req, { headers, refuse });
    this.server.handleUpgrade(req, socket, head, (client) => {
      res.detachSocket(socket);
      record.end('opened', 101);
      this.sessions.begin(client, upstream, request, PATH);
    });
  }
}

/**
 * Each side generates its own handshake headers (RFC 6455 4.2.2); the remaining upstream headers go to the client.
 */
function handshakeFields(headers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith('sec-websocket-')));
}
