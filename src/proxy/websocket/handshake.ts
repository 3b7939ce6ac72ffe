import { Injectable } from '@nestjs/common';
import { RequestLog } from '../../observability/request-log.js';
import { AttemptLoop } from '../failover/attempt-loop.js';
import { type LocalResponse, sendLocalResponse } from '../response/local-response.js';
import { FailoverContext, type SessionSocket } from '../failover/failover-context.js';
import { RequestRecord } from '../failover/request-record.js';
import { Forwarder } from '../failover/forwarder.js';
import { releaseAttempt } from '../upstream/attempted.js';
import { meansNoSockets } from '../upstream/upstream-websocket.js';
import { ReplayBudget } from '../request/replay-budget.js';
import { ResponseCommit } from '../response/response-commit.js';
import { type Arrival, arrivedRequest } from './arrival.js';
import { SocketSessions } from './sessions.js';
import { SocketAcceptance } from './socket-acceptance.js';

const PATH = 'responses';
/** Upstream offers no WebSocket on this path: Codex silently continues over HTTP. */
const noSockets: LocalResponse = {
  status: 426,
  code: 'websocket_not_supported',
  type: 'invalid_request',
  message: 'Upstream accepts no WebSockets; Codex continues over HTTP.',
  headers: { upgrade: 'HTTP/1.1', connection: 'upgrade, close' },
};
/** The session has no socket yet: this handshake opens its first one. */
const noSocket: SessionSocket = { current: null, onSent: () => undefined };

/** Opens upstream's WebSocket before the client's, so a refusal fails over without the client noticing. */
@Injectable()
export class Handshake {
  constructor(
    private readonly loop: AttemptLoop,
    private readonly forwarder: Forwarder,
    private readonly commit: ResponseCommit,
    private readonly sessions: SocketSessions,
    private readonly acceptance: SocketAcceptance,
    private readonly requestLog: RequestLog,
    private readonly budget: ReplayBudget,
  ) {}

  /** Resolves when the client has its WebSocket or a refusal. */
  async serve(arrival: Arrival): Promise<void> {
    const { res } = arrival;
    const { request, takeHead } = arrivedRequest(arrival, this.budget);
    const record = new RequestRecord(request, 'websocket', this.requestLog);
    const context = new FailoverContext(request, PATH, record, null, noSocket);
    const end = await this.loop.run(context);
    const attempted = end.kind === 'pass-on' ? end.result.attempted : null;
    if (end.kind === 'pass-on' && attempted?.socket != null) {
      using _lease = end.lease; // each turn takes its own lease
      const { account } = end.result;
      const { upstream } = attempted.socket;
      const headers = this.commit.headersOf(request, account, attempted.headers);
      return this.acceptance.accept({ ...arrival, head: takeHead() }, upstream, headers, record, (client) =>
        this.sessions.begin(client, arrival.socket, upstream, request, PATH),
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
}
