import { type DynamicModule, Global, Module } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { BypassDetector } from '../clients/bypass-detector.js';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { OutboundHttpClient } from '../egress/http-client.js';
import { Drain } from '../runtime/drain.js';
import { Faults } from '../observability/faults.js';
import { RecentErrors } from '../observability/recent-errors.js';
import { SuspendDetector } from '../runtime/suspend-detector.js';

/** Providers for every module: settings, clock, drain, recent errors and the detectors. */
@Global()
@Module({})
export class CoreModule {
  static register(config: AppConfig, clock: Clock, errors: RecentErrors): DynamicModule {
    const providers = [
      { provide: APP_CONFIG, useValue: config },
      { provide: CLOCK, useValue: clock },
      { provide: RecentErrors, useValue: errors },
      { provide: OutboundHttpClient, useValue: new OutboundHttpClient(config.egress) },
      Drain,
      Faults,
      BypassDetector,
      SuspendDetector,
    ];
    return { module: CoreModule, providers, exports: providers };
  }
}
