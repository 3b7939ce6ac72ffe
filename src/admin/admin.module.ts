import { type MiddlewareConsumer, Module, type NestModule, RequestMethod } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { AccountsModule } from '../accounts/accounts.module.js';
import { LoginModule } from '../login/login.module.js';
import { UsageModule } from '../usage/usage.module.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { AccountActionsController } from './accounts/account-actions.controller.js';
import { AccountImport } from './accounts/account-import.js';
import { AccountRefresh } from './accounts/account-refresh.js';
import { AccountViews } from './accounts/account-views.js';
import { StoredChange } from './accounts/stored-change.js';
import { AccountsController } from './accounts/accounts.controller.js';
import { AdminAccess } from './admin-access.middleware.js';
import { AdminController } from './admin.controller.js';
import { EventsController } from './events/events.controller.js';
import { LiveEvents } from './events/live-events.js';
import { LiveViews } from './events/live-views.js';
import { SummarySource } from './events/summary-source.js';
import { ClientHealth } from './health/client.health.js';
import { DocsController } from './docs/docs.controller.js';
import { DoctorChecks } from './doctor/doctor-checks.js';
import { DoctorController } from './doctor/doctor.controller.js';
import { DocumentFile } from './docs/document-file.js';
import { FaultHealth } from './health/fault.health.js';
import { HealthController } from './health/health.controller.js';
import { HealthIndicators } from './health/health-indicators.js';
import { LoginController } from './login.controller.js';
import { JsonBody } from './json-body.middleware.js';
import { PoolGauges } from './pool-gauges.middleware.js';
import { PoolHealth } from './health/pool.health.js';
import { RecordedRequests } from './recorded-requests.js';
import { RequestsController } from './requests.controller.js';
import { RuntimeSettingsStore } from './settings/runtime-settings-store.js';
import { SettingsController } from './settings/settings.controller.js';
import { SessionViews } from './sessions/session-views.js';
import { SessionsController } from './sessions/sessions.controller.js';
import { PoolFindings } from './summary/pool-findings.js';
import { PoolSummary } from './summary/pool-summary.js';
import { SummaryController } from './summary/summary.controller.js';
import { UpstreamGauge } from './upstream-gauge.middleware.js';
import { UpstreamHealth } from './health/upstream.health.js';
import { UsageHealth } from './health/usage.health.js';
import { UsageController } from './usage.controller.js';

/** The operator's view. */
@Module({
  imports: [
    AccountsModule,
    LoginModule,
    TokensModule,
    UsageModule,
    TerminusModule.forRoot({ logger: false }),
  ],
  controllers: [
    AdminController,
    SummaryController,
    SettingsController,
    SessionsController,
    RequestsController,
    AccountsController,
    AccountActionsController,
    UsageController,
    HealthController,
    DocsController,
    DoctorController,
    LoginController,
    EventsController,
  ],
  providers: [
    DocumentFile,
    DoctorChecks,
    AccountViews,
    AccountImport,
    AccountRefresh,
    StoredChange,
    RecordedRequests,
    PoolHealth,
    UsageHealth,
    ClientHealth,
    UpstreamHealth,
    FaultHealth,
    HealthIndicators,
    LiveEvents,
    LiveViews,
    SessionViews,
    RuntimeSettingsStore,
    PoolFindings,
    PoolSummary,
    { provide: SummarySource, useExisting: PoolSummary },
  ],
})
export class AdminModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer.apply(AdminAccess).forRoutes('{*path}');
    consumer
      .apply(JsonBody)
      .exclude({ path: 'admin/session', method: RequestMethod.POST }) // may be a form
      .forRoutes(
        { path: 'admin/{*path}', method: RequestMethod.POST },
        { path: 'admin/{*path}', method: RequestMethod.PATCH },
        { path: 'admin/{*path}', method: RequestMethod.PUT },
      );
    consumer.apply(PoolGauges, UpstreamGauge).forRoutes('metrics');
  }
}
