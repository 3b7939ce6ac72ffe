import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { APP_CONFIG, type AppConfig } from '../app.config.js';
import { Drain } from '../drain.js';
import { AccountPoll } from './account-poll.js';

const JOB = 'account-poll';

/** Polls all accounts at start and then every `PROXY_USAGE_REFRESH_SECONDS`; skips while a round still runs. */
@Injectable()
export class AccountPollCron implements OnApplicationBootstrap, OnModuleDestroy {
  private isRunning = false;

  constructor(
    private readonly poll: AccountPoll,
    private readonly scheduler: SchedulerRegistry,
    private readonly drain: Drain,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  onApplicationBootstrap(): void {
    void this.run(); // the start does not wait for upstream
    const timer = setInterval(() => void this.run(), this.config.usageRefreshSeconds * 1_000);
    this.scheduler.addInterval(JOB, timer);
  }

  onModuleDestroy(): void {
    if (this.scheduler.doesExist('interval', JOB)) this.scheduler.deleteInterval(JOB);
  }

  private async run(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    try {
      await this.poll.pollAll(() => this.drain.isDraining);
    } finally {
      this.isRunning = false;
    }
  }
}
