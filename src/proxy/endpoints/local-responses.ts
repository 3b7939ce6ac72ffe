import type { ServerResponse } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { AccountRegistry } from '../../accounts/account-registry.js';
import type { Account } from '../../accounts/account.js';
import { PoolStatusService } from '../../accounts/selection/pool-status.js';
import type { PoolWindow } from '../../accounts/selection/pool-quota.js';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { limits } from '../../config/limits.js';
import { RecordedAttempts } from './recorded-attempts.js';
import { sendJson } from '../response/local-response.js';
import type { RequestRecord } from '../failover/request-record.js';
import { discard } from '../upstream/response-peek.js';
import { readWhole } from '../upstream/read-whole.js';
import type { ProxyRequest } from '../request/proxy-request.js';

/** The client accepts only a bare https origin here (docs/protocol.md, accounts/check). */
const CHATGPT_ORIGIN = 'https://chatgpt.com';

/** Serves the routes for which no single account's response is right for the whole pool. */
@Injectable()
export class LocalResponses {
  constructor(
    private readonly registry: AccountRegistry,
    private readonly pool: PoolStatusService,
    private readonly attempts: RecordedAttempts,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * Reports the client's own workspace, whatever it is. Another account's response would end the terminal UI at
   * startup.
   */
  accountsCheck(request: ProxyRequest, res: ServerResponse, record: RequestRecord): void {
    const id = request.header('chatgpt-account-id') ?? 'codex-pool';
    const { whamBase } = this.config;
    const entry = {
      id,
      plan_type: this.pool.status().plan ?? 'pro',
      name: null,
      profile_picture_url: null,
      structure: 'personal',
      workspace_backend_origin: whamBase.protocol === 'https:' ? whamBase.origin : CHATGPT_ORIGIN,
      account_routing_override: 'NO_CONSTRAINT',
    };
    sendJson(res, 200, { accounts: [entry], account_ordering: [id], default_account_id: id });
    record.end('local', 200);
  }

  /** Reports the pool's quota in the form in which the client shows limits. */
  poolUsage(res: ServerResponse, record: RequestRecord): void {
    const status = this.pool.status();
    const now = this.clock.now();
    const [primary, ...others] = status.windows;
    const secondary = others.at(-1);
    sendJson(res, 200, {
      plan_type: status.plan ?? 'unknown',
      rate_limit: {
        allowed: !status.isLimitReached,
        limit_reached: status.isLimitReached,
        primary_window: clientWindow(primary, now),
        secondary_window: clientWindow(secondary, now),
      },
    });
    record.end('local', 200);
  }

  /**
   * Sends the rules of the client's own workspace if it is in the pool. Otherwise, or if upstream fails, sends `{}`:
   * the rules of another workspace must not apply, and an error is fatal to the client.
   */
  async configBundle(
    request: ProxyRequest,
    res: ServerResponse,
    path: string,
    record: RequestRecord,
  ): Promise<void> {
    const id = request.header('chatgpt-account-id');
    const account = id === null ? null : this.registry.findByAccountId(id);
    const bundle = account === null ? null : await this.fetchBundle(request, account, path, record);
    if (res.headersSent || res.destroyed) return record.end('client gone', 499);
    const body = bundle ?? Buffer.from('{}');
    res.writeHead(200, {
      'content-type': 'application/json',
      'content-length': body.length,
      'x-codex-pool-request': request.id,
    });
    res.end(body);
    record.end(bundle === null ? 'local' : 'complete', 200);
  }

  private async fetchBundle(
    request: ProxyRequest,
    account: Account,
    path: string,
    record: RequestRecord,
  ): Promise<Buffer | null> {
    const to = {
      base: 'wham',
      path,
      isTurn: false,
      socket: null,
      without: ['accept-encoding'],
      bodyInstead: null,
      withinMs: limits.configBundleMs,
    } as const;
    const attempted = await this.attempts.once(request, account, to, record, 'own account');
    if (attempted.peeked === null) return null;
    const { response } = attempted.peeked;
    if (attempted.outcome.kind === 'success') return await readWhole(response, limits.configBundleBytes);
    discard(response);
    return null;
  }
}

/**
 * A quota window in the client's form. Null if any of it is unknown: the client requires all fields, and none is made
 * up. Integers only: the client rejects the whole response if it contains a fraction (docs/protocol.md, quota).
 */
function clientWindow(window: PoolWindow | undefined, now: number) {
  if (window === undefined || window.resetsAt === null) return null;
  const { resetsAt } = window;
  return {
    used_percent: Math.round(window.usedRatio * 100),
    limit_window_seconds: window.durationSeconds,
    reset_after_seconds: Math.max(0, Math.round((resetsAt - now) / 1_000)),
    reset_at: Math.round(resetsAt / 1_000),
  };
}
