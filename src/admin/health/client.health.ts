import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { BypassDetector } from '../../clients/bypass-detector.js';

/** Whether clients use the proxy as configured. Never `down`: their requests are served anyway. */
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
