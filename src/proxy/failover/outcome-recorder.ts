import { Inject, Injectable } from '@nestjs/common';
import { AccountRegistry } from '../../accounts/account-registry.js';
import type { Account } from '../../accounts/account.js';
import { SessionAffinity } from '../../accounts/selection/session-affinity.js';
import { UpstreamMonitor } from '../../observability/upstream-monitor.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { SuspendDetector } from '../../runtime/suspend-detector.js';
import { isAnyFull, type QuotaWindow, windowsFromHeaders } from '../../usage/quota-window.js';
import { QuotaService } from '../../usage/quota.service.js';
import { type AttemptOutcome, retryableElsewhere } from '../upstream/outcome.js';
import type { Attempted } from '../upstream/attempted.js';
import type { FailoverContext } from './failover-context.js';
import { classifyFailure, type EventFailure } from '../upstream/event-failure.js';
import { evidenceOf, evidenceOfEnd, type OutcomeFacts } from './outcome-evidence.js';
import { messageType } from '../request/message.js';
import { QUOTA_MESSAGE, windowsFromMessage } from '../response/quota-message.js';
import { Pinning } from './pinning.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import type { RelayEnd } from '../response/relay.js';

/** Refusals that concern the account as a whole, whatever was requested. */
const accountRefusals: ReadonlySet<AttemptOutcome['kind']> = new Set([
  'quota-exhausted',
  'rate-limited',
  'deactivated',
]);

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
  ) {}

  /** Records the outcome of a turn's attempt. */
  async apply(
    context: FailoverContext,
    account: Account,
    attempted: Attempted,
    hasRefreshed: boolean,
  ): Promise<void> {
    const { outcome, startedAt } = attempted;
    this.observe(account, attempted);
    const model = outcome.kind === 'not-entitled' ? await context.model() : null;
    this.learn(account, outcome, { startedAt, hasRefreshed, model });
    if (outcome.kind !== 'success') return;
    const { sessionKey } = context.request;
    if (sessionKey !== null && context.isOverflow) this.affinity.markServedElsewhere(sessionKey);
    else if (sessionKey !== null) this.settle(sessionKey, account, startedAt);
    this.pinning.pinTurnState(account, attempted.headers);
  }

  /** Records the outcome of a request that belongs to a session but is not a turn. */
  learnOfSession(request: ProxyRequest, account: Account, { outcome, startedAt }: Attempted): void {
    if (accountRefusals.has(outcome.kind))
      this.learn(account, outcome, { startedAt, hasRefreshed: false, model: null });
    if (outcome.kind === 'success' && request.sessionKey !== null) {
      const settledOn = this.affinity.find(request.sessionKey) ?? account.id;
      if (settledOn === account.id) this.settle(request.sessionKey, account, startedAt);
    }
  }

  /** Records the evidence of an outcome, over HTTP or a WebSocket. `startedAt` is epoch ms. */
  learn(
    account: Account,
    outcome: AttemptOutcome,
    asked: Pick<OutcomeFacts, 'startedAt' | 'hasRefreshed' | 'model'>,
  ): void {
    const evidence = evidenceOf(outcome, {
      ...asked,
      at: this.clock.now(),
      windows: this.quota.windows(account.id),
      refresh: account.storedCredential.refresh,
      isExcused: this.suspends.excuses(asked.startedAt) || this.isUpstreamsFault(outcome),
    });
    if (evidence !== null) this.registry.learn(account, evidence);
  }

  /** Ties the session to the account that has served it. */
  settle(sessionKey: string, account: Account, startedAt: number): void {
    this.affinity.settle(sessionKey, account.id, startedAt);
  }

  private isUpstreamsFault({ kind }: AttemptOutcome): boolean {
    return kind === 'upstream-error' && this.upstream.isFailingForAll();
  }

  /** Records the quota windows in the head of any response, and in the messages held on a WebSocket. */
  observe(account: Account, { headers, socket, startedAt }: Attempted): void {
    const at = this.clock.now();
    this.observeWindows(account, windowsFromHeaders(headers, at), startedAt);
    for (const { bytes, isBinary } of socket?.held ?? [])
      if (!isBinary && messageType(bytes) === QUOTA_MESSAGE) this.observeMessage(account, bytes, startedAt);
  }

  /** Records the quota windows in a `codex.rate_limits` message; its turn was sent at `askedAt` (epoch ms). */
  observeMessage(account: Account, message: Buffer, askedAt: number): void {
    this.observeWindows(account, windowsFromMessage(message, this.clock.now()), askedAt);
  }

  /** Records quota windows from the response to a request that was sent at `askedAt` (epoch ms). */
  observeWindows(account: Account, windows: readonly QuotaWindow[], askedAt: number): void {
    if (windows.length === 0) return;
    const at = this.clock.now();
    this.quota.observe(account.id, windows);
    const isAnyWindowFull = isAnyFull(this.quota.windows(account.id), at);
    this.registry.learn(account, { kind: 'quota-seen', askedAt, isAnyWindowFull, at });
  }

  /** Classifies the error that a stream reported after the commit. */
  outcomeOfLate(failure: EventFailure): AttemptOutcome {
    return classifyFailure(failure, this.clock.now());
  }

  /**
   * Records that a turn failed after its first output. The account gets the same evidence as before the commit. If
   * other accounts may serve, the next turn of the session avoids this one.
   */
  failedLate(
    sessionKey: string | null,
    account: Account,
    outcome: AttemptOutcome,
    asked: Pick<OutcomeFacts, 'startedAt' | 'model'>,
  ): void {
    this.learn(account, outcome, { ...asked, hasRefreshed: false });
    if (outcome.kind === 'overloaded' || outcome.kind === 'upstream-error')
      this.upstream.note({ kind: 'failing', accountId: account.id, at: this.clock.now() });
    if (sessionKey !== null && retryableElsewhere.has(outcome.kind))
      this.affinity.avoid(sessionKey, account.id);
  }

  /** Records how a relayed response ended; its attempt began at `startedAt` (epoch ms). */
  ended(account: Account, outcome: AttemptOutcome, end: RelayEnd, startedAt: number): void {
    const at = this.clock.now();
    // A stream that was cut because the machine was suspended says nothing about the account.
    const isExcused = end === 'cut' && this.suspends.excuses(at);
    const evidence = outcome.kind === 'success' && !isExcused ? evidenceOfEnd(end, startedAt, at) : null;
    if (evidence !== null) this.registry.learn(account, evidence);
  }
}
