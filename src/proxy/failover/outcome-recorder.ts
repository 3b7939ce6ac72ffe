import { Inject, Injectable } from '@nestjs/common';
import { AccountRegistry } from '../../accounts/account-registry.js';
import type { Account } from '../../accounts/account.js';
import { AccountSelector } from '../../accounts/selection/account-selector.js';
import { anyTurn, type Feature, type RequestNeeds } from '../../accounts/evidence/refusal-scope.js';
import { metersFor, namedMeters } from '../../accounts/request-meters.js';
import { openMetersIn } from '../../accounts/evidence/open-meters.js';
import { SessionAffinity } from '../../accounts/selection/session-affinity.js';
import { UpstreamMonitor } from '../../observability/upstream-monitor.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { SuspendDetector } from '../../runtime/suspend-detector.js';
import { isPausedByNetwork, isTokenRejected } from '../../tokens/refresh-state.js';
import { meterNamed, quotaOfMeter } from '../../usage/account-quota.js';
import { GENERAL_METER } from '../../usage/meter.js';
import { type HeaderQuota, quotaFromHeaders } from '../../usage/quota-report.js';
import { QuotaService } from '../../usage/quota.service.js';
import {
  type AskedRequest,
  type AttemptOutcome,
  meterIn,
  PAYMENT_REQUIRED,
  retryableElsewhere,
} from '../outcome/outcome.js';
import type { Attempted } from '../upstream/attempted.js';
import type { FailoverContext } from './failover-context.js';
import { classifyFailure, type EventFailure } from '../outcome/event-failure.js';
import { evidenceOf, evidenceOfEnd } from './outcome-evidence.js';
import { meterInScope, namesMeter, scopesOf, withMeter } from './outcome-meter.js';
import { messageType } from '../request/message.js';
import { QUOTA_MESSAGE, quotaFromMessage } from '../response/quota-message.js';
import { Pinning } from './pinning.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import type { RelayEnd } from '../response/relay.js';

/** A request as far as its outcome is evidence. `startedAt` is epoch ms. */
export interface AskedOutcome {
  readonly startedAt: number;
  /** The token had just been refreshed for this request. */
  readonly hasRefreshed: boolean;
  readonly needs: RequestNeeds;
  /** The meter that upstream named in a successful response; null if none. */
  readonly meter: string | null;
}

const ofAnyTurn = { hasRefreshed: false, needs: anyTurn, meter: null } as const;

/** Records what an attempt shows about its account: evidence, quota, affinity, pins. */
@Injectable()
export class OutcomeRecorder {
  constructor(
    private readonly registry: AccountRegistry,
    private readonly quota: QuotaService,
    private readonly affinity: SessionAffinity,
    private readonly pinning: Pinning,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly suspends: SuspendDetector,
    private readonly upstream: UpstreamMonitor,
    private readonly selector: AccountSelector,
  ) {}

  /** Records the outcome of a turn's or image request's attempt. */
  async apply(
    context: FailoverContext,
    account: Account,
    attempted: Attempted,
    hasRefreshed: boolean,
  ): Promise<void> {
    const { outcome, startedAt, headers } = attempted;
    // Quota in an image response may be that of images.
    if (context.feature === null) this.observe(account, attempted);
    const active = outcome.kind === 'success' ? meterIn({ headers, envelope: null }) : null;
    // A success may name the general meter for any model.
    const meter = active === GENERAL_METER ? null : active;
    const needs = await this.needsOf(context, account, outcome, meter);
    const isRejected = outcome.kind === 'unauthorized' && hasRefreshed;
    this.learn(account, outcome, {
      startedAt,
      hasRefreshed: hasRefreshed && !(isRejected && context.hasTakenOut),
      needs,
      meter,
    });
    if (isRejected) context.takeOut();
    if (outcome.kind !== 'success') return;
    const { sessionKey } = context.request;
    if (context.feature !== null) return this.settleIfNew(sessionKey, account, startedAt);
    if (sessionKey !== null && context.isOverflow) this.affinity.markServedElsewhere(sessionKey);
    else if (sessionKey !== null) this.settleTurn(context, sessionKey, account, startedAt);
    this.pinning.pinTurnState(account, headers);
  }

  /** Records the outcome of a request that belongs to a session but is not a turn. */
  learnOfSession(request: ProxyRequest, account: Account, { outcome, startedAt }: Attempted): void {
    // A rate limit may be that of the route. A usage limit and a deactivation are about the account.
    const isDeactivated = outcome.kind === 'deactivated' && outcome.code !== PAYMENT_REQUIRED;
    const isAboutAccount = isDeactivated || outcome.kind === 'quota-exhausted';
    if (isAboutAccount) this.learn(account, outcome, { ...ofAnyTurn, startedAt });
    if (outcome.kind === 'success') this.settleIfNew(request.sessionKey, account, startedAt);
  }

  /** Records the evidence of an outcome, over HTTP or a WebSocket. */
  learn(account: Account, outcome: AttemptOutcome, asked: AskedOutcome): void {
    const { startedAt, hasRefreshed, needs } = asked;
    const meter = this.meterOf(account, outcome, asked);
    const isNamed = asked.meter !== null || namesMeter(outcome);
    const quota = this.quota.quota(account.id);
    const evidence = evidenceOf(withMeter(outcome, meter), {
      startedAt,
      hasRefreshed,
      at: this.clock.now(),
      scopes: scopesOf(needs, meter ?? GENERAL_METER),
      meteredModel: isNamed && needs.feature === null ? needs.model : null,
      windows: needs.feature === null ? quotaOfMeter(quota, meter ?? GENERAL_METER).windows : [],
      refresh: account.storedCredential.refresh,
      isExcused:
        this.suspends.excuses(startedAt) || this.isUpstreamsFault(outcome) || this.isPausedByNetwork(account),
    });
    if (evidence !== null) this.registry.learn(account, evidence);
  }

  /** The request's needs, as far as the outcome depends on them: the model is read only if it matters. */
  private async needsOf(
    context: FailoverContext,
    account: Account,
    outcome: AttemptOutcome,
    meter: string | null,
  ): Promise<RequestNeeds> {
    const isNamed = meter !== null || namesMeter(outcome);
    const hasMeters = namedMeters(account.evidence, this.quota.quota(account.id)).length > 0;
    const mayBeNamed = hasMeters && outcome.kind === 'quota-exhausted';
    const matters = isNamed || mayBeNamed || this.selector.dependsOnModel();
    return { model: matters ? await context.model() : null, feature: context.feature };
  }

  /** The meter that has counted a request: the one that upstream names, else the one that counts its model. */
  private meterOf(account: Account, outcome: AttemptOutcome, { needs, meter }: AskedOutcome): string | null {
    if (needs.feature !== null) return null;
    const named = meter ?? (namesMeter(outcome) ? meterInScope(outcome) : null);
    const quota = this.quota.quota(account.id);
    if (named !== null) return meterNamed(quota, named);
    return metersFor(account.evidence, quota, needs.model)[0] ?? GENERAL_METER;
  }

  /** Ties the session of a turn to the account, and records a move. */
  private settleTurn(
    { record }: FailoverContext,
    sessionKey: string,
    account: Account,
    startedAt: number,
  ): void {
    const formerId = this.affinity.find(sessionKey);
    this.settle(sessionKey, account, startedAt);
    const hasMoved =
      formerId !== null && formerId !== account.id && this.affinity.find(sessionKey) === account.id;
    if (hasMoved)
      record.movedFrom({ id: formerId, name: this.registry.findById(formerId)?.name ?? formerId });
  }

  /** Ties the session to the account unless it belongs to another one, from which only a turn moves it. */
  private settleIfNew(sessionKey: string | null, account: Account, startedAt: number): void {
    if (sessionKey === null) return;
    const settledOn = this.affinity.find(sessionKey) ?? account.id;
    if (settledOn === account.id) this.settle(sessionKey, account, startedAt);
  }

  /** Ties the session to the account that has served it. */
  settle(sessionKey: string, account: Account, startedAt: number): void {
    this.affinity.settle(sessionKey, account.id, startedAt);
  }

  private isUpstreamsFault({ kind }: AttemptOutcome): boolean {
    return kind === 'upstream-error' && this.upstream.isFailingForAll();
  }

  /** The vault keeps a rejected token out until the network is back; evidence would keep it out for longer. */
  private isPausedByNetwork({ storedCredential: { refresh } }: Account): boolean {
    return isTokenRejected(refresh) && isPausedByNetwork(refresh, this.clock.now());
  }

  /** Records the quota in the head of any response, and in the messages held on a WebSocket. */
  observe(account: Account, { headers, socket, startedAt }: Attempted): void {
    this.observeQuota(account, quotaFromHeaders(headers, this.clock.now()), startedAt);
    for (const { bytes, isBinary } of socket?.held ?? [])
      if (!isBinary && messageType(bytes) === QUOTA_MESSAGE) this.observeMessage(account, bytes, startedAt);
  }

  /** Records the quota in a `codex.rate_limits` message; its turn was sent at `askedAt` (epoch ms). */
  observeMessage(account: Account, message: Buffer, askedAt: number): void {
    this.observeQuota(account, quotaFromMessage(message, this.clock.now()), askedAt);
  }

  /** Records quota from the response to a request that was sent at `askedAt` (epoch ms). */
  observeQuota(account: Account, quota: HeaderQuota, askedAt: number): void {
    if (quota.windows.length === 0 && quota.meters.size === 0 && quota.credits === null) return;
    const at = this.clock.now();
    this.quota.observe(account.id, quota);
    const open = openMetersIn(quota, this.quota.quota(account.id), at);
    this.registry.learn(account, {
      kind: 'quota-seen',
      askedAt,
      openMeters: open,
      meterNames: new Map(),
      at,
    });
  }

  /** Classifies the error that a stream reported after the commit. */
  outcomeOfLate(failure: EventFailure, asked: AskedRequest): AttemptOutcome {
    return classifyFailure(failure, asked, this.clock.now());
  }

  /**
   * Records that a turn failed after its first output. The account gets the same evidence as before the commit. If
   * other accounts may serve, the next turn of the session avoids this one.
   */
  failedLate(
    sessionKey: string | null,
    account: Account,
    outcome: AttemptOutcome,
    asked: Pick<AskedOutcome, 'startedAt' | 'needs'>,
  ): void {
    this.learn(account, outcome, { ...asked, hasRefreshed: false, meter: null });
    if (asked.needs.feature !== null) return;
    if (outcome.kind === 'overloaded' || outcome.kind === 'upstream-error')
      this.upstream.note({ kind: 'failing', accountId: account.id, at: this.clock.now() });
    if (sessionKey !== null && retryableElsewhere.has(outcome.kind))
      this.affinity.avoid(sessionKey, account.id);
  }

  /** Records how a relayed response ended; its attempt began at `startedAt` (epoch ms). */
  ended(
    account: Account,
    outcome: AttemptOutcome,
    end: RelayEnd,
    { startedAt, feature }: { readonly startedAt: number; readonly feature: Feature | null },
  ): void {
    const at = this.clock.now();
    // A stream that was cut because the machine was suspended says nothing about the account.
    const isExcused = end === 'cut' && this.suspends.excuses(at);
    const evidence =
      outcome.kind === 'success' && !isExcused
        ? evidenceOfEnd(end, feature ?? 'account', startedAt, at)
        : null;
    if (evidence !== null) this.registry.learn(account, evidence);
  }
}
