import { Injectable, type NestMiddleware } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { NextFunction, Request, Response } from 'express';
import type { Gauge } from 'prom-client';
import { AccountSelector } from '../accounts/selection/account-selector.js';
import { PoolStatusService } from '../accounts/selection/pool-status.js';
import { metricNames } from '../observability/metrics.js';
import { QuotaService } from '../usage/quota.service.js';

/** Sets the gauges when metrics are scraped, to keep that work off the request path. */
@Injectable()
export class PoolGauges implements NestMiddleware {
  constructor(
    private readonly selector: AccountSelector,
    private readonly pool: PoolStatusService,
    private readonly quota: QuotaService,
    @InjectMetric(metricNames.inFlight) private readonly inFlight: Gauge<'account'>,
    @InjectMetric(metricNames.available) private readonly available: Gauge<'account'>,
    @InjectMetric(metricNames.quota) private readonly used: Gauge<'account' | 'window_seconds'>,
    @InjectMetric(metricNames.credits) private readonly credits: Gauge<'account'>,
    @InjectMetric(metricNames.poolQuota) private readonly poolUsed: Gauge<'window_seconds'>,
  ) {}

  use(_req: Request, _res: Response, next: NextFunction): void {
    for (const gauge of [this.inFlight, this.available, this.used, this.credits, this.poolUsed])
      gauge.reset();
    for (const { account, unavailable } of this.selector.assess()) {
      this.inFlight.set({ account: account.name }, account.inFlight);
      this.available.set({ account: account.name }, unavailable === null ? 1 : 0);
      const { credits } = this.quota.quota(account.id);
      const balance = credits?.isUnlimited === true ? Infinity : (credits?.balance ?? null);
      if (balance !== null) this.credits.set({ account: account.name }, balance);
      for (const window of this.quota.windows(account.id)) {
        this.used.set(
          { account: account.name, window_seconds: String(window.durationSeconds) },
          window.usedRatio,
        );
      }
    }
    for (const window of this.pool.status().windows) {
      this.poolUsed.set({ window_seconds: String(window.durationSeconds) }, window.usedRatio);
    }
    next();
  }
}
