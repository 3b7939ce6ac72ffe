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
import { type AttemptOutcome, classify } from './outcome.js';
import { type Destination, buildRequest } from './request-builder.js';
import { untilAborted } from './until-aborted.js';
import { type PeekedResponse, peekForOutput, isReadable, readRefusalBody } from './response-peek.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { UpstreamClient } from './upstream-client.js';
import { UpstreamWebSockets } from './upstream-websocket.js';

/** How one attempt ended: what it means, and the answer if one came (nobody has got anything of it yet). */
export interface Attempted {
  readonly outcome: AttemptOutcome;
  readonly answer: PeekedResponse | null;
  /** The WebSocket that was asked for; null when none was, or none was to be had. */
  readonly socket: WebSocket | null;
  /** The token that was sent; null when none was to be had. */
  readonly token: Secret | null;
  /** Epoch ms. */
  readonly startedAt: number;
  /** `performance.now()` of sending and of the answer's head. */
  readonly sentAt: number;
  readonly answeredAt: number;
}

/** One attempt on one account: token, headers, upstream, meaning. Changes nothing about the account. */
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

  /** `rejected`: the token that this account has just been refused with; another one is sent. */
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
    if (to.isTurn) this.noteTurn(account.id, outcome.kind);
    return { ...attempted, outcome };
  }

  /** Gets another token for what upstream has just rejected, without anybody waiting for it. */
  renew(account: Account, rejected: Secret | null): void {
    if (rejected === null) return;
    // How it ends is the vault's to tell, in its state and its log.
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
      answer: null,
      socket: null,
      token,
      startedAt,
      sentAt,
      answeredAt: performance.now(),
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
      return without({ kind: whyNoToken(error, account) }, null, performance.now());
    }
    if (token === null)
      return without(unreachable(new Error('no token in time'), false), null, performance.now());
    const plan = buildRequest(request, account, to, token, this.upstream.urlOf(to.base, to.path));
    const sentAt = performance.now();
    const end = to.isSocket
      ? await this.sockets.open(plan, stop)
      : await this.upstream.attempt(to.base, plan, stop);
    if (end.kind === 'failed') {
      // A connection that was kept may have been closed meanwhile; a client that has left says nothing.
      if (!end.wasReused && !stop.aborted) this.noteUnreachable(end.error);
      // Where one kept connection has died, the others may have, too.
      if (end.wasReused) this.upstream.dropIdleConnections();
      return without(unreachable(end.error, end.wasReused), token, sentAt);
    }
    this.watch.note({ kind: 'answered' });
    const facts = { status: end.response.statusCode ?? 0, headers: end.response.headers };
    const isNone = facts.status < 200 || facts.status > 599 || (to.isSocket && facts.status < 400);
    if (end.kind === 'answered' && isNone) {
      end.response.destroy();
      return without(
        unreachable(new Error(`upstream answered with status ${facts.status}`), false),
        token,
        sentAt,
      );
    }
    const done = (outcome: AttemptOutcome, answer: PeekedResponse): Attempted => ({
      outcome,
      answer,
      socket: null,
      token,
      startedAt,
      sentAt,
      answeredAt: end.at,
    });
    if (end.kind === 'opened') {
      const answer = { response: end.response, head: [], isEventStream: false };
      return { ...done({ kind: 'opened' }, answer), socket: end.socket };
    }
    if (facts.status >= 400) {
      const refusal = await readRefusalBody(end.response);
      return done(
        classify({ ...facts, envelope: refusal.envelope, isFirstEvent: false }, this.clock.now()),
        refusal,
      );
    }
    const asItIs = classify({ ...facts, envelope: null, isFirstEvent: false }, this.clock.now());
    if (!to.isTurn || facts.status >= 300 || !isReadable(end.response))
      return done(asItIs, { response: end.response, head: [], isEventStream: false });
    const hold = await peekForOutput(end.response);
    if (hold.kind === 'broken') return without(unreachable(hold.error, false), token, sentAt);
    const answer = { response: end.response, head: hold.head, isEventStream: hold.kind !== 'plain' };
    if (hold.kind === 'plain') return done(asItIs, answer);
    if (hold.kind === 'output') return done({ kind: 'success' }, answer);
    return done(
      classify({ ...facts, envelope: hold.envelope, isFirstEvent: true }, this.clock.now()),
      answer,
    );
  }

  private noteUnreachable(error: Error): void {
    this.watch.note({ kind: 'unreachable', code: networkCode(error), at: this.clock.now() });
  }

  /** Other routes may fail or work by themselves: they show only whether upstream can be reached. */
  private noteTurn(accountId: string, outcome: AttemptOutcome['kind']): void {
    const at = this.clock.now();
    if (outcome === 'success') this.watch.note({ kind: 'served' });
    else if (outcome === 'upstream-error' || outcome === 'overloaded')
      this.watch.note({ kind: 'failing', accountId, at });
    else if (outcome === 'edge-block') this.watch.note({ kind: 'blocked', accountId, at });
  }
}

function whyNoToken(error: unknown, account: Account): 'needs-login' | 'refresh-failed' | 'unauthorized' {
  if (error instanceof NeedsLoginError) return 'needs-login';
  // With refresh switched off nothing is being waited for: the rejection is the last word.
  return account.storedCredential.refresh.kind === 'idle' ? 'unauthorized' : 'refresh-failed';
}

function unreachable(error: Error, wasReused: boolean): AttemptOutcome {
  return { kind: 'unreachable', wasReused, reason: describeError(error) };
}
