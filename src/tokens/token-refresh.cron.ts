import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { TokenService } from './token.service.js';

/** Refreshes ahead of expiry: at start, then every minute what has come due. */
@Injectable()
export class TokenRefreshCron implements OnApplicationBootstrap {
  constructor(private readonly tokens: TokenService) {}

  onApplicationBootstrap(): void {
    void this.run(); // the start does not wait for a token endpoint
  }

  @Cron(CronExpression.EVERY_MINUTE, { name: 'token-refresh', waitForCompletion: true })
  async run(): Promise<void> {
    await this.tokens.refreshDue();
  }
}
