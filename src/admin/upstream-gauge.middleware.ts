import { Injectable, type NestMiddleware } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { NextFunction, Request, Response } from 'express';
import type { Gauge } from 'prom-client';
import { UpstreamMonitor } from '../observability/upstream-monitor.js';
import { troubleKinds } from '../observability/upstream-health.js';
import { metricNames } from '../observability/metrics.js';

/** Sets the upstream-trouble gauge when metrics are scraped. */
@Injectable()
export class UpstreamGauge implements NestMiddleware {
  constructor(
    private readonly upstream: UpstreamMonitor,
    @InjectMetric(metricNames.upstreamTrouble) private readonly gauge: Gauge<'kind'>,
  ) {}

  use(_req: Request, _res: Response, next: NextFunction): void {
    const troubles = this.upstream.troubles();
    for (const kind of troubleKinds)
      this.gauge.set({ kind }, troubles.some((it) => it.kind === kind) ? 1 : 0);
    next();
  }
}
