import { createHash } from 'node:crypto';
import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { limits } from '../config/limits.js';
import { describeError } from '../runtime/pool-error.js';
import { SuspendDetector } from '../runtime/suspend-detector.js';
import { TokenService } from './token.service.js';

/** Refreshes due accounts ahead of expiry: at startup, every minute, after a suspend, and when the network is back. */
@Injectable()
export class TokenRefreshCron implements OnApplicationBootstrap {
  private readonly logger = new Logger(TokenRefreshCron.name);
  private isRunning = false;
  private isWantedAgain = false;

  constructor(
    private readonly tokens: TokenService,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    suspends: SuspendDetector,
  ) {
    suspends.onWake(() => void this.resume());
  }

  onApplicationBootstrap(): void {
    void this.refresh(pauseAtStart(this.config.poolDir)); // not awaited: startup must not wait for the token endpoint
  }

  @Cron(CronExpression.EVERY_MINUTE, { name: 'token-refresh', waitForCompletion: true })
  async run(): Promise<void> {
    await this.refresh(0);
  }

  /** Retries at once what a network fault has paused. A round that is running is followed by another. */
  async resume(): Promise<void> {
    this.tokens.networkIsBack();
    this.isWantedAgain = this.isRunning;
    await this.refresh(0);
  }

  private async refresh(firstPauseMs: number): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    try {
      do {
        this.isWantedAgain = false;
        await this.tokens.refreshDue(firstPauseMs);
      } while (this.isWantedAgain);
    } catch (error) {
      this.logger.error('refresh of due accounts failed', { reason: describeError(error) });
    } finally {
      this.isRunning = false;
    }
  }
}

/** Spreads the first requests of programs on several pool folders that start together. */
function pauseAtStart(poolDir: string): number {
  return createHash('sha256').update(poolDir).digest().readUInt32BE() % limits.refreshJitterMs;
}
