import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { UpstreamMonitor } from '../../observability/upstream-monitor.js';

/** Whether upstream works, independent of accounts. Never `down`: that would describe this process. */
@Injectable()
export class UpstreamHealth {
  constructor(
    private readonly indicator: HealthIndicatorService,
    private readonly upstream: UpstreamMonitor,
  ) {}

  check(): HealthIndicatorResult {
    return this.indicator.check('upstream').up({ trouble: this.upstream.warning() });
  }

  isDegraded(): boolean {
    return this.upstream.warning() !== null;
  }
}
