import { type DynamicModule, Global, Module } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { RuntimeSettings } from '../config/runtime-settings.js';
import { BypassDetector } from '../clients/bypass-detector.js';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { OutboundHttpClient } from '../egress/http-client.js';
import { Drain } from '../runtime/drain.js';
import { Faults } from '../observability/faults.js';
import { RecentErrors } from '../observability/recent-errors.js';
import { HOST_ADDRESSES, type HostAddresses, NetworkDetector } from '../runtime/network-detector.js';
import { SuspendDetector } from '../runtime/suspend-detector.js';

/** Providers for every module: settings, clock, drain, recent errors and the detectors. */
@Global()
@Module({})
export class CoreModule {
  static register(
    config: AppConfig,
    clock: Clock,
    addresses: HostAddresses,
    errors: RecentErrors,
  ): DynamicModule {
    const providers = [
      { provide: APP_CONFIG, useValue: config },
      { provide: CLOCK, useValue: clock },
      { provide: HOST_ADDRESSES, useValue: addresses },
      { provide: RecentErrors, useValue: errors },
      {
        provide: OutboundHttpClient,
        inject: [NetworkDetector],
        useFactory: (network: NetworkDetector) => {
          const client = new OutboundHttpClient(config.egress);
          network.onChange(() => client.dropConnections());
          return client;
        },
      },
      Drain,
      Faults,
      RuntimeSettings,
      BypassDetector,
      NetworkDetector,
      SuspendDetector,
    ];
    return { module: CoreModule, providers, exports: providers };
  }
}
