import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { Drain } from '../runtime/drain.js';
import { OutboundHttpClient } from '../egress/http-client.js';
import { SuspendDetector } from '../runtime/suspend-detector.js';
import { QuotaPoll } from './quota-poll.js';

const JOB = 'account-poll';

/**
 * Polls all accounts at startup, every `PROXY_USAGE_REFRESH_SECONDS`, and after a suspend. Skips a round while one is
 * still running.
 */
@Injectable()
export class QuotaPollCron implements OnApplicationBootstrap, OnModuleDestroy {
  private isRunning = false;
  private isWantedAgain = false;

  constructor(
    private readonly poll: QuotaPoll,
    private readonly scheduler: SchedulerRegistry,
    private readonly drain: Drain,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    suspend: SuspendDetector,
    private readonly http: OutboundHttpClient,
  ) {
    suspend.onWake(() => void this.restart());
  }

  onApplicationBootstrap(): void {
    void this.run(); // startup does not wait for upstream
    const timer = setInterval(() => void this.run(), this.config.usageRefreshSeconds * 1_000);
    this.scheduler.addInterval(JOB, timer);
  }

  onModuleDestroy(): void {
    if (this.scheduler.doesExist('interval', JOB)) this.scheduler.deleteInterval(JOB);
  }

  /** Polls after a suspend. A round that the suspend interrupted is followed by another. */
  private async restart(): Promise<void> {
    this.http.dropConnections();
    this.isWantedAgain = this.isRunning;
    await this.run();
  }

  private async run(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    try {
      do {
        this.isWantedAgain = false;
        await this.poll.pollAll(() => this.drain.isDraining);
      } while (this.isWantedAgain && !this.drain.isDraining);
    } finally {
      this.isRunning = false;
    }
  }
}
