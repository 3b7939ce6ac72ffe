import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ScheduleModule } from '@nestjs/schedule';
import { accountTables } from '../accounts/account-tables.js';
import { AccountsModule } from '../accounts/accounts.module.js';
import { settingsTables } from '../admin/settings/runtime-settings-store.js';
import { selectionTables } from '../accounts/selection/selection-tables.js';
import { AlertsModule } from '../alerts/alerts.module.js';
import { AdminModule } from '../admin/admin.module.js';
import { PageModule } from '../admin/page/page.module.js';
import { ProblemDetailsFilter } from '../admin/problems/problem-details.filter.js';
import type { AppConfig } from '../config/app.config.js';
import type { Clock } from '../runtime/clock.js';
import { CoreModule } from './core.module.js';
import type { HostAddresses } from '../runtime/network-detector.js';
import { LoginPortsModule } from '../login/login.module.js';
import type { LoginPorts } from '../login/login-ports.js';
import { MetricsModule } from '../observability/metrics.js';
import { ProxyModule } from '../proxy/proxy.module.js';
import type { RecentErrors } from '../observability/recent-errors.js';
import type { RefreshStepWatcher } from '../tokens/refresh-state.js';
import { StorageModule } from '../storage/storage.module.js';
import { RefreshStepsModule, TokensModule } from '../tokens/tokens.module.js';
import { UsageModule } from '../usage/usage.module.js';
import { usageTables } from '../usage/usage-tables.js';

/** The composition root. */
@Module({})
export class AppModule {
  static register(
    config: AppConfig,
    clock: Clock,
    addresses: HostAddresses,
    errors: RecentErrors,
    onRefreshStep: RefreshStepWatcher,
    loginPorts: LoginPorts,
    pageFolder: string,
  ): DynamicModule {
    return {
      module: AppModule,
      imports: [
        CoreModule.register(config, clock, addresses, errors),
        RefreshStepsModule.register(onRefreshStep),
        LoginPortsModule.register(loginPorts),
        MetricsModule,
        ScheduleModule.forRoot(),
        StorageModule.register([...usageTables, ...selectionTables, ...accountTables, ...settingsTables]),
        TokensModule,
        UsageModule,
        AccountsModule,
        ProxyModule,
        AlertsModule,
        PageModule.register(pageFolder),
        AdminModule,
      ],
      providers: [{ provide: APP_FILTER, useClass: ProblemDetailsFilter }],
    };
  }
}
