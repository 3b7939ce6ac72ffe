import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { Database } from '../../storage/database.js';
import { RetentionCron } from '../../storage/retention.cron.js';
import { WriteBehind } from '../../storage/write-behind.js';

/** Whether usage is recorded. Never `down`: turns are served without records, too. */
@Injectable()
export class UsageHealth {
  constructor(
    private readonly indicator: HealthIndicatorService,
    private readonly writer: WriteBehind,
    private readonly database: Database,
    private readonly retention: RetentionCron,
  ) {}

  check(): HealthIndicatorResult {
    const { pending, droppedCount } = this.writer;
    const { trouble } = this;
    const { name: driver, fallbackReason } = this.database.driver;
    return this.indicator
      .check('usage')
      .up({ pending, dropped: droppedCount, trouble, driver, driverFallback: fallbackReason });
  }

  isDegraded(): boolean {
    return this.writer.droppedCount > 0 || this.trouble !== null;
  }

  private get trouble(): string | null {
    return this.writer.trouble ?? this.retention.trouble;
  }
}
