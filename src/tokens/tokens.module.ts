import { Module } from '@nestjs/common';
import { CredentialStore } from './credential-store.js';
import { TokenRefreshClient } from './token-refresh-client.js';
import { TokenRefreshCron } from './token-refresh.cron.js';
import { TokenService } from './token.service.js';

/** Keeps a fresh access token for every account. */
@Module({
  providers: [CredentialStore, TokenRefreshClient, TokenService, TokenRefreshCron],
  exports: [TokenService],
})
export class TokensModule {}
