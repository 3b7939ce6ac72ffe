import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { describeError } from '../pool-error.js';
import { TokenService } from './token.service.js';

/** Refreshes ahead of expiry: at start, then every minute what has come due. */
@Injectable()
export class TokenRefreshCron implements OnApplicationBootstrap {
  private readonly logger = new Logger(TokenRefreshCron.name);

  constructor(private readonly tokens: TokenService) {}

  onApplicationBootstrap(): void {
    void this.run(); // the start does not wait for a token endpoint
  }

  @Cron(CronExpression.EVERY_MINUTE, { name: 'token-refresh', waitForCompletion: true })
  async run(): Promise<void> {
    try {
      await this.tokens.refreshDue();
    } catch (error) {
      this.logger.error('refresh of what is due failed', { reason: describeError(error) });
    }
  }
}
