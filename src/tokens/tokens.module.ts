import { Module } from '@nestjs/common';
import { CredentialStore } from './credential-store.js';
import { CredentialVault } from './credential-vault.js';
import { TokenRefreshClient } from './token-refresh-client.js';
import { TokenRefreshCron } from './token-refresh.cron.js';
import { TokenService } from './token.service.js';

/** Keeps a fresh access token for every account. */
@Module({
  providers: [CredentialStore, CredentialVault, TokenRefreshClient, TokenService, TokenRefreshCron],
  exports: [CredentialVault, TokenService],
})
export class TokensModule {}
