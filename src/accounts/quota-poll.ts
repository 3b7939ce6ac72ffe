import { Inject, Injectable, Logger } from '@nestjs/common';
import { z } from 'zod';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { limits } from '../config/limits.js';
import { type OutboundCall, outboundCall, type OutboundResponse } from '../runtime/http-client.js';
import { describeError } from '../runtime/pool-error.js';
import { TokenService } from '../tokens/token.service.js';
import { isAnyFull, quotaFromUsage } from '../usage/quota-window.js';
import { QuotaService } from '../usage/quota.service.js';
import { AccountRegistry } from './account-registry.js';
import type { Account } from './account.js';
import { networkCode } from '../observability/upstream-health.js';
import { UpstreamMonitor } from '../observability/upstream-monitor.js';

const USAGE = 'wham/usage';

const checkSchema = z.object({
  accounts: z.array(z.object({ id: z.string(), account_routing_override: z.string().nullish().catch(null) })),
});

/** Asks upstream what is left of an account's quota, and how its requests are to be routed. */
@Injectable()
export class QuotaPoll {
  private readonly logger = new Logger(QuotaPoll.name);

  constructor(
    private readonly registry: AccountRegistry,
    private readonly tokens: TokenService,
    private readonly quota: QuotaService,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly upstream: UpstreamMonitor,
  ) {}

  /** Polls every account that could be used, one after another. A poll that fails changes nothing. */
  async pollAll(isStopping: () => boolean): Promise<void> {
    for (const account of this.registry.list()) {
      if (isStopping()) return;
      if (account.withdrawal !== null || account.settings.isPaused) continue;
      if (account.needsLogin(this.clock.now())) continue;
      try {
        await this.poll(account);
      } catch (error) {
        this.logger.debug('poll failed', { account: account.name, reason: describeError(error) });
      }
    }
  }

  /** One account. Rejects when upstream gave no usable answer. */
  async poll(account: Account): Promise<void> {
    const askedAt = this.clock.now();
    const answer = quotaFromUsage(await this.get(account, USAGE), this.clock.now());
    if (answer === null) throw new Error('the answer is none about usage');
    this.upstream.note({ kind: 'served' });
    const now = this.clock.now();
    const { plan } = account;
    account.polledPlan = answer.plan;
    if (account.plan !== plan) this.registry.learn(account, { kind: 'plan-changed', at: now });
    this.quota.replace(account.id, answer.windows, now);
    this.registry.learn(account, {
      kind: 'polled',
      askedAt,
      isAnyWindowFull: isAnyFull(answer.windows, now),
      at: now,
    });
    const check = checkSchema.safeParse(await this.get(account, 'wham/accounts/check'));
    if (!check.success) return; // an account without this answer is routed as it always was
    const entry = check.data.accounts.find((it) => it.id === account.storedCredential.credential.accountId);
    const override = entry?.account_routing_override ?? 'NO_CONSTRAINT';
    account.routingOverride = /^[a-z_]{1,32}$/.test(override) ? override : null;
  }

  private async get(account: Account, path: string): Promise<unknown> {
    const token = await this.tokens.accessToken(account.id);
    const { accountId } = account.storedCredential.credential;
    const tellTime = this.tokens.askingTime();
    const answer = await this.asked({
      method: 'GET',
      url: new URL(`${this.config.whamBase.href.replace(/\/$/, '')}/${path}`),
      headers: {
        authorization: `Bearer ${token.reveal()}`,
        ...(accountId === null ? {} : { 'chatgpt-account-id': accountId }),
      },
      timeoutMs: limits.pollTimeoutMs,
    });
    tellTime(answer.headers['date']);
    if (answer.status >= 500 && path === USAGE)
      this.upstream.note({ kind: 'failing', accountId: account.id, at: this.clock.now() });
    if (answer.status !== 200) throw new Error(`upstream answered ${answer.status}`);
    try {
      return JSON.parse(answer.text);
    } catch {
      throw new Error('the answer is not JSON'); // the parser's own words would quote it
    }
  }

  private async asked(call: OutboundCall): Promise<OutboundResponse> {
    try {
      const answer = await outboundCall(call);
      this.upstream.note({ kind: 'answered' });
      return answer;
    } catch (error) {
      const code = networkCode(error);
      // An answer that is too long is one all the same.
      if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') this.upstream.note({ kind: 'answered' });
      else this.upstream.note({ kind: 'unreachable', code, at: this.clock.now() });
      throw error;
    }
  }
}
