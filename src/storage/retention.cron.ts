import { Inject, Injectable, Logger } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { Drain } from '../runtime/drain.js';
import { describeError } from '../runtime/pool-error.js';
import { Database } from './database.js';
import { STORED_TABLES, type StoredTable } from './stored-table.js';

/** Removes outdated rows every hour, in small transactions so that the writer never waits long. */
@Injectable()
export class RetentionCron {
  private readonly logger = new Logger(RetentionCron.name);

  constructor(
    private readonly database: Database,
    private readonly drain: Drain,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(STORED_TABLES) private readonly tables: readonly StoredTable[],
  ) {}

  @Cron(CronExpression.EVERY_HOUR, { name: 'usage-retention', waitForCompletion: true })
  async run(): Promise<void> {
    try {
      let removed = 0;
      for (let step = -1; step !== 0 && !this.drain.isDraining; removed += step) step = await this.step();
      if (removed > 0) this.logger.log('outdated rows removed', { rows: removed });
    } catch (error) {
      this.logger.warn('removing outdated rows failed', { reason: describeError(error) });
    }
  }

  /** Runs one small transaction; returns the number of rows that it removed. */
  private async step(): Promise<number> {
    const now = this.clock.now();
    return await this.database.run(async (manager) => {
      let removed = 0;
      for (const it of this.tables) removed += (await it.removeOutdated?.(manager, now, this.config)) ?? 0;
      return removed;
    });
  }
}
