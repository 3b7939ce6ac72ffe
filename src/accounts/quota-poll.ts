import { Inject, Injectable, Logger } from '@nestjs/common';
import { z } from 'zod';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { limits } from '../config/limits.js';
import { type OutboundCall, OutboundHttpClient, type OutboundResponse } from '../egress/http-client.js';
import { describeError } from '../runtime/pool-error.js';
import { TokenService } from '../tokens/token.service.js';
import { UpstreamClock } from '../tokens/upstream-clock.js';
import { askedThen, quotaFromUsage } from '../usage/quota-report.js';
import { QuotaService } from '../usage/quota.service.js';
import { meterNames, openMeters } from './evidence/open-meters.js';
import { AccountRegistry } from './account-registry.js';
import { type Account, isPausedAt } from './account.js';
import { networkFault } from '../observability/network-fault.js';
import { UpstreamMonitor } from '../observability/upstream-monitor.js';

const USAGE = 'wham/usage';

const CHECK = 'wham/accounts/check';

const checkSchema = z.object({ accounts: z.array(z.unknown()) });
const entrySchema = z.object({ id: z.string(), account_routing_override: z.string().nullish() });

/** Asks upstream for the remaining quota of an account, and for the routing of its requests. */
@Injectable()
export class QuotaPoll {
  private readonly logger = new Logger(QuotaPoll.name);

  constructor(
    private readonly registry: AccountRegistry,
    private readonly tokens: TokenService,
    private readonly time: UpstreamClock,
    private readonly quota: QuotaService,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly upstream: UpstreamMonitor,
    private readonly http: OutboundHttpClient,
  ) {}

  /**
   * Polls every usable account, one after another. A failed poll changes nothing. The next account does not wait for
   * the routing of the one before.
   */
  async pollAll(isStopping: () => boolean): Promise<void> {
    const routings: Promise<void>[] = [];
    for (const account of this.registry.list()) {
      if (isStopping()) break;
      if (account.withdrawal !== null || isPausedAt(account.settings, this.clock.now())) continue;
      if (account.needsLogin) continue;
      try {
        await this.pollQuota(account);
        routings.push(this.pollRouting(account));
      } catch (error) {
        this.logger.debug('poll failed', { account: account.name, reason: describeError(error) });
      }
    }
    await Promise.all(routings);
  }

  /** Polls one account. Rejects if upstream gives no usable response about its quota. */
  async poll(account: Account): Promise<void> {
    await this.pollQuota(account);
    await this.pollRouting(account);
  }

  private async pollQuota(account: Account): Promise<void> {
    const askedAt = this.clock.now();
    const report = quotaFromUsage(await this.get(account, USAGE), this.clock.now());
    const usage = report === null ? null : askedThen(report, askedAt);
    if (usage === null) throw new Error('the response contains no usage');
    this.upstream.note({ kind: 'polled' });
    const now = this.clock.now();
    const { plan } = account;
    account.polledPlan = usage.plan;
    if (account.plan !== plan) this.registry.learn(account, { kind: 'plan-changed', at: now });
    this.quota.replace(account.id, usage, now);
    this.registry.learn(account, {
      kind: 'polled',
      askedAt,
      openMeters: openMeters(this.quota.quota(account.id), now),
      meterNames: meterNames(this.quota.quota(account.id)),
      at: now,
    });
  }

  /** Learns the routing that upstream wants. Without a usable response it stays as it is; that is no fault. */
  private async pollRouting(account: Account): Promise<void> {
    try {
      const { accounts } = checkSchema.parse(await this.get(account, CHECK));
      const { accountId } = account.storedCredential.credential;
      const entry = accounts.map((it) => entrySchema.safeParse(it).data).find((it) => it?.id === accountId);
      if (entry === undefined) return;
      const override = entry.account_routing_override ?? 'NO_CONSTRAINT';
      account.routingOverride = /^[a-z_]{1,32}$/.test(override) ? override : null;
    } catch (error) {
      const reason = error instanceof z.ZodError ? 'the response lists no accounts' : describeError(error);
      this.logger.debug('routing unknown', { account: account.name, reason });
    }
  }

  private async get(account: Account, path: string): Promise<unknown> {
    const token = await this.tokens.accessToken(account.id);
    const { accountId } = account.storedCredential.credential;
    const observeDate = this.time.asking();
    const call: OutboundCall = {
      method: 'GET',
      url: new URL(`${this.config.whamBase.href.replace(/\/$/, '')}/${path}`),
      headers: {
        authorization: `Bearer ${token.reveal()}`,
        ...(accountId === null ? {} : { 'chatgpt-account-id': accountId }),
      },
      timeoutMs: limits.pollTimeoutMs,
    };
    // The quota's response shows whether upstream can be reached; the account check may fail by itself.
    const response = await (path === USAGE ? this.send(call) : this.http.call(call));
    if (response.status >= 500 && path === USAGE)
      this.upstream.note({ kind: 'poll-failing', accountId: account.id, at: this.clock.now() });
    // Upstream's own word on a token that cannot be renewed; a turn need not find out.
    if (response.status === 401 && path === USAGE) this.tokens.noteRejection(account.id, token);
    if (response.status !== 200) throw new Error(`upstream responded with ${response.status}`);
    observeDate(response.headers);
    try {
      return JSON.parse(response.text);
    } catch {
      throw new Error('the response is not JSON'); // the parser's message would quote it
    }
  }

  private async send(call: OutboundCall): Promise<OutboundResponse> {
    try {
      const response = await this.http.call(call);
      this.upstream.note({ kind: 'answered' });
      return response;
    } catch (error) {
      const fault = networkFault(error);
      // A response that is too long still shows that upstream is reachable.
      if (fault.code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') this.upstream.note({ kind: 'answered' });
      else this.upstream.note({ kind: 'unreachable', ...fault, at: this.clock.now() });
      throw error;
    }
  }
}
