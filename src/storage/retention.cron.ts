import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { Drain } from '../runtime/drain.js';
import { describeError } from '../runtime/pool-error.js';
import { limits } from '../config/limits.js';
import { isLocked } from './database-driver.js';
import { Database } from './database.js';
import { giveSpaceBack } from './free-space.js';
import { STORED_TABLES, type StoredTable } from './stored-table.js';

/**
 * Removes outdated rows every hour, each table for itself, in small transactions so that the writer never waits long,
 * and gives the space back.
 */
@Injectable()
export class RetentionCron {
  private readonly logger = new Logger(RetentionCron.name);
  private failure: string | null = null;
  /** When space may be given back again, epoch ms. */
  private spaceFrom = 0;

  constructor(
    private readonly database: Database,
    private readonly drain: Drain,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(STORED_TABLES) private readonly tables: readonly StoredTable[],
  ) {}

  @Cron(CronExpression.EVERY_HOUR, { name: 'usage-retention', waitForCompletion: true })
  async run(): Promise<void> {
    const failures: string[] = [];
    for (const table of this.tables) {
      try {
        const rows = await this.clean(table);
        if (rows > 0) this.logger.log('outdated rows removed', { kind: table.kind, rows });
      } catch (error) {
        const reason = describeError(error);
        failures.push(`${table.kind}: ${reason}`);
        this.logger.warn('removing outdated rows failed', { kind: table.kind, reason });
      }
    }
    this.failure =
      failures.length === 0 ? null : `outdated rows could not be removed (${failures.join('; ')})`;
    await this.giveSpaceBack();
  }

  /** Unlike rows that stay, a file that stays large is no trouble: new rows use its free space. */
  private async giveSpaceBack(): Promise<void> {
    if (this.drain.isDraining || this.clock.now() < this.spaceFrom) return;
    try {
      const bytes = await giveSpaceBack(this.database, this.config.dbPath, () => this.drain.isDraining);
      if (bytes > 0) this.logger.log('the database gave space back', { bytes });
    } catch (error) {
      if (!isLocked(error)) this.spaceFrom = this.clock.now() + limits.giveSpaceBackPauseMs;
      this.logger.warn('the database could not give space back', { reason: describeError(error) });
    }
  }

  /** The reason why the last run could not remove all outdated rows; null if it could. */
  get trouble(): string | null {
    return this.failure;
  }

  /** Removes the outdated rows of one table, each step in a transaction of its own; returns how many. */
  private async clean(table: StoredTable): Promise<number> {
    let removed = 0;
    for (let step = -1; step !== 0 && !this.drain.isDraining; removed += step) {
      const now = this.clock.now();
      step = await this.database.run(
        async (manager) => (await table.removeOutdated?.(manager, now, this.config)) ?? 0,
      );
      if (step > 0) await pause(limits.retentionPauseMs);
    }
    return removed;
  }
}
