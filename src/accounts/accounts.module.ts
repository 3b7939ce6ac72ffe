import { Module } from '@nestjs/common';
import { TokensModule } from '../tokens/tokens.module.js';
import { UsageModule } from '../usage/usage.module.js';
import { AccountPollCron } from './account-poll.cron.js';
import { AccountPoll } from './account-poll.js';
import { AccountRegistry } from './account-registry.js';
import { AccountSelector } from './account-selector.js';
import { AffinityStore } from './affinity-store.js';
import { AffinityTable } from './affinity-table.js';
import { DecisionLog } from './decision-log.js';
import { EvidenceStore } from './evidence-store.js';
import { LoginOwners } from './login-owners.js';
import { OwnerStore } from './owner-store.js';
import { OwnerTable } from './owner-table.js';
import { PoolFolder } from './pool-folder.js';
import { PoolWatcher } from './pool-watcher.js';
import { SettingsStore } from './settings-store.js';
import { PoolStatusService } from './pool-status.js';
import { UpstreamWatch } from './upstream-watch.js';

/** Who is in the pool, and who may serve now. */
@Module({
  imports: [TokensModule, UsageModule],
  providers: [
    AccountRegistry,
    AccountSelector,
    AffinityTable,
    OwnerTable,
    LoginOwners,
    DecisionLog,
    PoolStatusService,
    AccountPoll,
    AccountPollCron,
    SettingsStore,
    EvidenceStore,
    AffinityStore,
    OwnerStore,
    PoolFolder,
    PoolWatcher,
    UpstreamWatch,
  ],
  exports: [
    AccountPoll,
    AccountRegistry,
    AccountSelector,
    AffinityTable,
    OwnerTable,
    LoginOwners,
    DecisionLog,
    PoolStatusService,
    UpstreamWatch,
  ],
})
export class AccountsModule {}
