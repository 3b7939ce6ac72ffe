import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { Faults } from '../../observability/faults.js';

/**
 * Our own faults since startup: their number and the time of the latest (epoch ms). The recent errors have the details.
 * Never down or degraded: each fault ended one connection, and the next one is served.
 */
@Injectable()
export class FaultHealth {
  constructor(
    private readonly indicator: HealthIndicatorService,
    private readonly faults: Faults,
  ) {}

  check(): HealthIndicatorResult {
    return this.indicator.check('faults').up({ ...this.faults.count });
  }

  isDegraded(): boolean {
    return false;
  }
}
