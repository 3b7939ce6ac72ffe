import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { BypassDetector } from '../../clients/bypass-detector.js';

/** Whether clients use the proxy as they should. Never `down`: what comes is served all the same. */
@Injectable()
export class ClientHealth {
  constructor(
    private readonly indicator: HealthIndicatorService,
    private readonly bypass: BypassDetector,
  ) {}

  check(): HealthIndicatorResult {
    return this.indicator.check('clients').up({ trouble: this.bypass.warning() });
  }

  isDegraded(): boolean {
    return this.bypass.warning() !== null;
  }
}
