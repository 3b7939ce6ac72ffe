import { type DynamicModule, Global, Module } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from './app.config.js';
import { CLOCK, type Clock } from './clock.js';
import { Drain } from './drain.js';
import { RecentErrors } from './recent-errors.js';

/** What every module may ask for: settings, clock, drain, the last errors. */
@Global()
@Module({})
export class CoreModule {
  static register(config: AppConfig, clock: Clock, errors: RecentErrors): DynamicModule {
    const providers = [
      { provide: APP_CONFIG, useValue: config },
      { provide: CLOCK, useValue: clock },
      { provide: RecentErrors, useValue: errors },
      Drain,
    ];
    return { module: CoreModule, providers, exports: providers };
  }
}
