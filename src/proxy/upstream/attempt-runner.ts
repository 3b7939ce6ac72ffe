import { Inject, Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import type { Account } from '../../accounts/account.js';
import { networkFault } from '../../observability/network-fault.js';
import { UpstreamMonitor } from '../../observability/upstream-monitor.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { metricNames } from '../../observability/metrics.js';
import type { Secret } from '../../runtime/secret.js';
import { TokenService } from '../../tokens/token.service.js';
import { NeedsLoginError } from '../../tokens/tokens.errors.js';
import { type Attempted, releaseAttempt, unanswered, unreachable } from './attempted.js';
import type { AskedRequest, AttemptOutcome } from '../outcome/outcome.js';
import { type Destination, buildRequest } from './request-builder.js';
import { untilAborted } from './until-aborted.js';
import { readResponse, routeOf } from './response-reading.js';
import { UpstreamSocket } from '../socket/upstream-socket.js';
import { SocketAttempts } from './socket-attempts.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { UpstreamClient } from './upstream-client.js';
import { UpstreamWebSockets } from './upstream-websocket.js';

/** Makes one attempt on one account: token, headers, request, outcome. Never changes the account. */
@Injectable()
export class AttemptRunner {
  constructor(
    private readonly tokens: TokenService,
    private readonly upstream: UpstreamClient,
    private readonly sockets: UpstreamWebSockets,
    @Inject(CLOCK) private readonly clock: Clock,
    @InjectMetric(metricNames.attempts) private readonly counter: Counter<'account' | 'outcome'>,
    private readonly watch: UpstreamMonitor,
    private readonly turns: SocketAttempts,
  ) {}

  /** `rejected`: the token that upstream has just rejected; the attempt uses another one. */
  async attempt(
    request: ProxyRequest,
    account: Account,
    to: Destination,
    rejected: Secret | null,
  ): Promise<Attempted> {
    const startedAt = this.clock.now();
    const attempted = await this.send(request, account, to, rejected, startedAt);
    const outcome: AttemptOutcome = request.gone.aborted ? { kind: 'client-gone' } : attempted.outcome;
    if (outcome.kind === 'client-gone') releaseAttempt(attempted);
    this.counter.inc({ account: account.name, outcome: outcome.kind });
    if (to.isTurn) this.noteTurn(account.id, outcome.kind, routeOf(to));
    return { ...attempted, outcome };
  }

  /** Renews a token that upstream has just rejected, in the background. */
  renew(account: Account, rejected: Secret | null): void {
    if (rejected === null) return;
    // The vault records the result in its state and log.
    void this.tokens.tokenAfterRejection(account.id, rejected, true).catch(() => undefined);
  }

  /** The token that can be sent at once, the usual case; null if it has to be waited for. */
  private freshToken(account: Account, rejected: Secret | null): Secret | null {
    return rejected === null ? this.tokens.freshToken(account.id) : null;
  }

  private async token(account: Account, rejected: Secret | null, to: Destination): Promise<Secret> {
    return rejected === null
      ? await this.tokens.accessToken(account.id)
      : await this.tokens.tokenAfterRejection(account.id, rejected, to.isTurn);
  }

  private async send(
    request: ProxyRequest,
    account: Account,
    to: Destination,
    rejected: Secret | null,
    startedAt: number,
  ): Promise<Attempted> {
    const stop =
      to.withinMs === null ? request.gone : AbortSignal.any([request.gone, AbortSignal.timeout(to.withinMs)]);
    const carrier = carrierFor(to, account, rejected);
    if (carrier !== null) return await this.onSocket(request, to, unanswered(startedAt), carrier, stop);
    if (request.isContinuation) return { ...unanswered(startedAt), outcome: socketIsGone };
    let token: Secret | null;
    try {
      token =
        this.freshToken(account, rejected) ?? (await untilAborted(this.token(account, rejected, to), stop));
    } catch (error) {
      return { ...unanswered(startedAt), outcome: whyNoToken(error, account) };
    }
    const sent = { ...unanswered(startedAt), token };
    if (token === null)
      return { ...sent, outcome: unreachable(new Error('timed out waiting for an access token'), false) };
    const plan = buildRequest(request, account, to, token, this.upstream.urlOf(to.base, to.path));
    const end =
      to.socket === null
        ? await this.upstream.attempt(to.base, plan, stop)
        : await this.sockets.open(to.base, plan, stop);
    switch (end.kind) {
      case 'failed':
        // A reused connection may have been closed meanwhile, and an aborted request says nothing about upstream.
        if (!end.wasReused && !stop.aborted) this.noteUnreachable(end.error);
        // If one reused connection died, the others may have died too.
        if (end.wasReused) this.upstream.dropIdleConnections();
        return { ...sent, headAt: performance.now(), outcome: unreachable(end.error, end.wasReused) };
      case 'responded':
        this.watch.note({ kind: 'answered' });
        return await readResponse(request, end.response, to, { ...sent, headAt: end.at }, () =>
          this.clock.now(),
        );
      case 'opened': {
        this.watch.note({ kind: 'answered' });
        const upstream = new UpstreamSocket(end.socket, account, token);
        upstream.follow(request.gone);
        const { headers } = end.response;
        const opened = { ...sent, status: 101, headers, headAt: end.at, socket: { upstream, held: [] } };
        return await this.onSocket(request, to, { ...opened, outcome: { kind: 'opened' } }, upstream, stop);
      }
      default:
        return end satisfies never;
    }
  }

  /** Sends the message of a turn on an open socket; without a message, opening the socket was the attempt. */
  private async onSocket(
    request: ProxyRequest,
    to: Destination,
    opened: Attempted,
    upstream: UpstreamSocket,
    stop: AbortSignal,
  ): Promise<Attempted> {
    const message = to.bodyInstead ?? request.message;
    if (message === null) return opened;
    const { isPrewarm } = request;
    to.socket?.onSent(upstream);
    const sent = { message, isPrewarm, model: async () => await request.model() };
    const turn = await this.turns.run(upstream, sent, opened.headers, stop);
    if (turn.outcome.kind === 'unreachable' && turn.outcome.wasReused) this.upstream.dropIdleConnections();
    return { ...opened, token: upstream.token, ...turn };
  }

  private noteUnreachable(error: Error): void {
    this.watch.note({ kind: 'unreachable', ...networkFault(error), at: this.clock.now() });
  }

  /** Other routes can fail independently of turns; they only show whether upstream is reachable. */
  private noteTurn(accountId: string, outcome: AttemptOutcome['kind'], route: AskedRequest['route']): void {
    const at = this.clock.now();
    if (outcome === 'edge-block') this.watch.note({ kind: 'blocked', accountId, at });
    if (outcome === 'wrong-place') this.watch.note({ kind: 'misplaced', accountId, at });
    if (route === 'images') return;
    if (outcome === 'success') this.watch.note({ kind: 'served' });
    else if (outcome === 'upstream-error' || outcome === 'overloaded')
      this.watch.note({ kind: 'failing', accountId, at });
  }
}

function whyNoToken(error: unknown, account: Account): AttemptOutcome {
  if (error instanceof NeedsLoginError) return { kind: 'needs-login' };
  // With refresh switched off, no renewal follows: the rejection is final.
  return account.storedCredential.refresh.kind === 'idle'
    ? { kind: 'unauthorized', scope: 'account' }
    : { kind: 'refresh-failed' };
}

/** The open socket that can carry the attempt's message; null if none can. Its token has not just been rejected. */
function carrierFor(
  { socket }: Destination,
  account: Account,
  rejected: Secret | null,
): UpstreamSocket | null {
  const carrier = socket?.carrier ?? null;
  const isFit =
    carrier?.isOpen === true && carrier.account.id === account.id && rejected?.equals(carrier.token) !== true;
  return isFit ? carrier : null;
}

/** The message continues a response that only a closed socket knew. */
const socketIsGone: AttemptOutcome = {
  kind: 'unreachable',
  wasReused: false,
  reason: 'the WebSocket was closed',
};
