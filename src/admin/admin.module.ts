import { type MiddlewareConsumer, Module, type NestModule } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { AccountsModule } from '../accounts/accounts.module.js';
import { UsageModule } from '../usage/usage.module.js';
import { AdminAccess } from './admin-access.middleware.js';
import { AdminController } from './admin.controller.js';
import { ClientHealth } from './client.health.js';
import { HealthController } from './health.controller.js';
import { HealthIndicators } from './health-indicators.js';
import { PoolGauges } from './pool-gauges.middleware.js';
import { PoolHealth } from './pool.health.js';
import { StatusController } from './status.controller.js';
import { UsageHealth } from './usage.health.js';
import { UsageController } from './usage.controller.js';

/** The operator's view. */
@Module({
  imports: [AccountsModule, UsageModule, TerminusModule.forRoot({ logger: false })],
  controllers: [AdminController, UsageController, HealthController, StatusController],
  providers: [PoolHealth, UsageHealth, ClientHealth, HealthIndicators],
})
export class AdminModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(AdminAccess).forRoutes('{*path}');
    consumer.apply(PoolGauges).forRoutes('metrics');
  }
}
