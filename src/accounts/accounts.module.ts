import { Module } from '@nestjs/common';
import { TokenRefreshCron } from '../tokens/token-refresh.cron.js';
import { TokensModule } from '../tokens/tokens.module.js';
import { UsageModule } from '../usage/usage.module.js';
import { QuotaPollCron } from './quota-poll.cron.js';
import { QuotaPoll } from './quota-poll.js';
import { AccountRegistry } from './account-registry.js';
import { AccountSelector } from './selection/account-selector.js';
import { AffinityStore } from './selection/affinity-store.js';
import { SessionAffinity } from './selection/session-affinity.js';
import { RequestLog } from '../observability/request-log.js';
import { EvidenceStore } from './evidence/evidence-store.js';
import { SharedLoginDetector } from '../clients/shared-login-detector.js';
import { PinStore } from './selection/pin-store.js';
import { PinTable } from './selection/pin-table.js';
import { PoolFolder } from './pool-folder/pool-folder.js';
import { PoolWatcher } from './pool-watcher.js';
import { SettingsStore } from './settings-store.js';
import { PoolStatusService } from './selection/pool-status.js';
import { usableAccountsProvider } from './usable-accounts.js';
import { UpstreamMonitor } from '../observability/upstream-monitor.js';

/** The pool's accounts, and the selection among them. */
@Module({
  imports: [TokensModule, UsageModule],
  providers: [
    AccountRegistry,
    AccountSelector,
    SessionAffinity,
    PinTable,
    SharedLoginDetector,
    RequestLog,
    PoolStatusService,
    QuotaPoll,
    QuotaPollCron,
    SettingsStore,
    EvidenceStore,
    AffinityStore,
    PinStore,
    PoolFolder,
    PoolWatcher,
    UpstreamMonitor,
    usableAccountsProvider,
  ],
  exports: [
    QuotaPoll,
    AccountRegistry,
    AccountSelector,
    SessionAffinity,
    PinTable,
    SharedLoginDetector,
    RequestLog,
    PoolStatusService,
    UpstreamMonitor,
  ],
})
export class AccountsModule {
  constructor(upstream: UpstreamMonitor, refreshes: TokenRefreshCron) {
    upstream.onReachable(() => void refreshes.resume());
  }
}
