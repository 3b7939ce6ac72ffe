import { createHash } from 'node:crypto';
import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { limits } from '../config/limits.js';
import { describeError } from '../runtime/pool-error.js';
import { TokenService } from './token.service.js';

/** Refreshes due accounts ahead of expiry: at startup, then every minute. */
@Injectable()
export class TokenRefreshCron implements OnApplicationBootstrap {
  private readonly logger = new Logger(TokenRefreshCron.name);

  constructor(
    private readonly tokens: TokenService,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  onApplicationBootstrap(): void {
    void this.refresh(pauseAtStart(this.config.poolDir)); // not awaited: startup must not wait for the token endpoint
  }

  @Cron(CronExpression.EVERY_MINUTE, { name: 'token-refresh', waitForCompletion: true })
  async run(): Promise<void> {
    await this.refresh(0);
  }

  private async refresh(firstPauseMs: number): Promise<void> {
    try {
      await this.tokens.refreshDue(firstPauseMs);
    } catch (error) {
      this.logger.error('refresh of due accounts failed', { reason: describeError(error) });
    }
  }
}

/** Spreads the first requests of programs on several pool folders that start together. */
function pauseAtStart(poolDir: string): number {
  return createHash('sha256').update(poolDir).digest().readUInt32BE() % limits.refreshJitterMs;
}
