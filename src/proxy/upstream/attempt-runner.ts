import { Inject, Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import type { WebSocket } from 'ws';
import type { Account } from '../../accounts/account.js';
import { networkCode } from '../../observability/upstream-health.js';
import { UpstreamMonitor } from '../../observability/upstream-monitor.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { metricNames } from '../../observability/metrics.js';
import { describeError } from '../../runtime/pool-error.js';
import type { Secret } from '../../runtime/secret.js';
import { TokenService } from '../../tokens/token.service.js';
import { NeedsLoginError } from '../../tokens/tokens.errors.js';
import type { ErrorEnvelope } from './error-envelope.js';
import { mentionsModel } from './model-refusal.js';
import { type AskedRequest, type AttemptOutcome, classify } from './outcome.js';
import { type Destination, buildRequest } from './request-builder.js';
import { untilAborted } from './until-aborted.js';
import { type PeekedResponse, peekForOutput, isReadable, readRefusalBody } from './response-peek.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { UpstreamClient } from './upstream-client.js';
import { UpstreamWebSockets } from './upstream-websocket.js';

/**
 * How one attempt ended: its outcome, and the response if one arrived. None of the response has been sent to the
 * client yet.
 */
export interface Attempted {
  readonly outcome: AttemptOutcome;
  readonly peeked: PeekedResponse | null;
  /** The requested WebSocket; null if none was requested or the handshake failed. */
  readonly socket: WebSocket | null;
  /** The access token that was sent; null if no token was available. */
  readonly token: Secret | null;
  /** Epoch ms. */
  readonly startedAt: number;
  /** `performance.now()` when the request was sent and when the response head arrived. */
  readonly sentAt: number;
  readonly headAt: number;
}

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
    this.counter.inc({ account: account.name, outcome: outcome.kind });
    if (to.isTurn) this.noteTurn(account.id, outcome.kind, routeOf(to));
    return { ...attempted, outcome };
  }

  /** Renews a token that upstream has just rejected, in the background. */
  renew(account: Account, rejected: Secret | null): void {
    if (rejected === null) return;
    // The vault records the result in its state and log.
    void this.tokens.tokenAfterRejection(account.id, rejected).catch(() => undefined);
  }

  private async send(
    request: ProxyRequest,
    account: Account,
    to: Destination,
    rejected: Secret | null,
    startedAt: number,
  ): Promise<Attempted> {
    const without = (outcome: AttemptOutcome, token: Secret | null, sentAt: number): Attempted => ({
      outcome,
      peeked: null,
      socket: null,
      token,
      startedAt,
      sentAt,
      headAt: performance.now(),
    });
    const stop =
      to.withinMs === null ? request.gone : AbortSignal.any([request.gone, AbortSignal.timeout(to.withinMs)]);
    let token: Secret | null;
    try {
      const task =
        rejected === null
          ? this.tokens.accessToken(account.id)
          : this.tokens.tokenAfterRejection(account.id, rejected);
      token = await untilAborted(task, stop);
    } catch (error) {
      return without(whyNoToken(error, account), null, performance.now());
    }
    if (token === null)
      return without(
        unreachable(new Error('timed out waiting for an access token'), false),
        null,
        performance.now(),
      );
    const plan = buildRequest(request, account, to, token, this.upstream.urlOf(to.base, to.path));
    const sentAt = performance.now();
    const end = to.isSocket
      ? await this.sockets.open(plan, stop)
      : await this.upstream.attempt(to.base, plan, stop);
    if (end.kind === 'failed') {
      // A reused connection may have been closed meanwhile, and an aborted request says nothing about upstream.
      if (!end.wasReused && !stop.aborted) this.noteUnreachable(end.error);
      // If one reused connection died, the others may have died too.
      if (end.wasReused) this.upstream.dropIdleConnections();
      return without(unreachable(end.error, end.wasReused), token, sentAt);
    }
    this.watch.note({ kind: 'answered' });
    const facts = { status: end.response.statusCode ?? 0, headers: end.response.headers };
    const route = routeOf(to);
    const askedBy = async (envelope: ErrorEnvelope | null): Promise<AskedRequest> => ({
      route,
      model: mentionsModel(envelope) ? await request.model() : null,
    });
    const isNone = facts.status < 200 || facts.status > 599 || (to.isSocket && facts.status < 400);
    if (end.kind === 'responded' && isNone) {
      end.response.destroy();
      return without(
        unreachable(new Error(`upstream responded with status ${facts.status}`), false),
        token,
        sentAt,
      );
    }
    const done = (outcome: AttemptOutcome, peeked: PeekedResponse): Attempted => ({
      outcome,
      peeked,
      socket: null,
      token,
      startedAt,
      sentAt,
      headAt: end.at,
    });
    if (end.kind === 'opened') {
      const peeked = { response: end.response, head: [], isEventStream: false };
      return { ...done({ kind: 'opened' }, peeked), socket: end.socket };
    }
    if (facts.status >= 400) {
      const refusal = await readRefusalBody(end.response);
      const asked = await askedBy(refusal.envelope);
      const { envelope, isHtml } = refusal;
      const response = { ...facts, envelope, isHtml, isFirstEvent: false };
      return done(classify(response, asked, this.clock.now()), refusal);
    }
    const asItIs = classify(
      { ...facts, envelope: null, isFirstEvent: false },
      { route, model: null },
      this.clock.now(),
    );
    if (!to.isTurn || facts.status >= 300 || !isReadable(end.response))
      return done(asItIs, { response: end.response, head: [], isEventStream: false });
    const peek = await peekForOutput(end.response, route === 'images');
    if (peek.kind === 'broken') return without(unreachable(peek.error, false), token, sentAt);
    const peeked = { response: end.response, head: peek.head, isEventStream: peek.kind !== 'plain' };
    if (peek.kind === 'plain') return done(asItIs, peeked);
    if (peek.kind === 'output') return done({ kind: 'success' }, peeked);
    const asked = await askedBy(peek.envelope);
    return done(
      classify({ ...facts, envelope: peek.envelope, isFirstEvent: true }, asked, this.clock.now()),
      peeked,
    );
  }

  private noteUnreachable(error: Error): void {
    this.watch.note({ kind: 'unreachable', code: networkCode(error), at: this.clock.now() });
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

/** Image requests go the way of turns, but have limits and errors of their own. */
function routeOf({ isTurn, path }: Destination): AskedRequest['route'] {
  if (!isTurn) return 'other';
  return path.startsWith('images/') ? 'images' : 'turn';
}

function whyNoToken(error: unknown, account: Account): AttemptOutcome {
  if (error instanceof NeedsLoginError) return { kind: 'needs-login' };
  // With refresh switched off, no renewal follows: the rejection is final.
  return account.storedCredential.refresh.kind === 'idle'
    ? { kind: 'unauthorized', scope: 'account' }
    : { kind: 'refresh-failed' };
}

function unreachable(error: Error, wasReused: boolean): AttemptOutcome {
  return { kind: 'unreachable', wasReused, reason: describeError(error) };
}
