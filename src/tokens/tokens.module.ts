import { type DynamicModule, Global, Module } from '@nestjs/common';
import { CredentialImport } from './credential-import.js';
import { CredentialStore } from './credential-store.js';
import { CredentialVault } from './credential-vault.js';
import { FolderCleanupCron } from './folder-cleanup.cron.js';
import { KeptTokens } from './kept-tokens.js';
import { RefreshJournal } from './journal/refresh-journal.js';
import { REFRESH_STEP_WATCHER, type RefreshStepWatcher } from './refresh-state.js';
import { TokenRefresh } from './token-refresh.js';
import { TokenRefreshClient } from './token-refresh-client.js';
import { TokenRefreshCron } from './token-refresh.cron.js';
import { CredentialPersistence } from './credential-persistence.js';
import { TokenService } from './token.service.js';
import { TornFiles } from './torn-files.js';
import { UpstreamClock } from './upstream-clock.js';

/** Keeps a fresh access token for every account. */
@Module({
  providers: [
    CredentialStore,
    CredentialVault,
    CredentialImport,
    FolderCleanupCron,
    KeptTokens,
    RefreshJournal,
    TornFiles,
    CredentialPersistence,
    TokenRefresh,
    TokenRefreshClient,
    TokenRefreshCron,
    TokenService,
    UpstreamClock,
  ],
  exports: [
    CredentialImport,
    CredentialPersistence,
    CredentialStore,
    CredentialVault,
    KeptTokens,
    TokenRefreshCron,
    TokenService,
    UpstreamClock,
  ],
})
export class TokensModule {}

/** Supplies the watcher of refresh steps, which the composition root chooses. */
@Global()
@Module({})
export class RefreshStepsModule {
  static register(onStep: RefreshStepWatcher): DynamicModule {
    const providers = [{ provide: REFRESH_STEP_WATCHER, useValue: onStep }];
    return { module: RefreshStepsModule, providers, exports: providers };
  }
}
