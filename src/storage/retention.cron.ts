import { Inject, Injectable, Logger } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { type EntityManager, In, LessThan } from 'typeorm';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { Drain } from '../runtime/drain.js';
import { limits } from '../config/limits.js';
import { describeError } from '../runtime/pool-error.js';
import { AccountEvidenceRow } from '../accounts/account-evidence.entity.js';
import { Database } from './database.js';
import { PinnedValue } from '../accounts/selection/pinned-value.entity.js';
import { QuotaSample } from '../usage/quota-sample.entity.js';
import { SessionAffinityRow } from '../accounts/selection/session-affinity.entity.js';
import { UsageRecord } from '../usage/usage-record.entity.js';

const DAY_MS = 86_400_000;

/** Lets go of rows that are older than they are kept, a few at a time: the writer never waits for long. */
@Injectable()
export class RetentionCron {
  private readonly logger = new Logger(RetentionCron.name);

  constructor(
    private readonly database: Database,
    private readonly drain: Drain,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Cron(CronExpression.EVERY_HOUR, { name: 'usage-retention', waitForCompletion: true })
  async run(): Promise<void> {
    try {
      let gone = 0;
      for (let step = -1; step !== 0 && !this.drain.isDraining; gone += step) step = await this.step();
      if (gone > 0) this.logger.log('old usage records removed', { rows: gone });
    } catch (error) {
      this.logger.warn('old usage records could not be removed', { reason: describeError(error) });
    }
  }

  /** One small transaction; the number of rows that it removed. */
  private async step(): Promise<number> {
    const now = this.clock.now();
    const oldest = now - this.config.usageRetentionDays * DAY_MS;
    return await this.database.run(async (manager) => {
      const records = await manager.find(UsageRecord, {
        select: { id: true },
        where: { at: LessThan(oldest) },
        take: limits.retentionStepRows,
      });
      if (records.length > 0) await manager.delete(UsageRecord, { id: In(records.map((it) => it.id)) });
      const samples = await manager.find(QuotaSample, {
        where: { seenAt: LessThan(oldest) },
        take: limits.retentionStepRows,
      });
      if (samples.length > 0) await manager.remove(samples);
      const sessions = await manager.find(SessionAffinityRow, {
        where: { usedAt: LessThan(now - limits.affinityIdleMs) },
        take: limits.retentionStepRows,
      });
      if (sessions.length > 0) await manager.remove(sessions);
      const evidence = await manager.find(AccountEvidenceRow, {
        order: { updatedAt: 'DESC' },
        skip: limits.accountsWithTotals,
        take: limits.retentionStepRows,
      });
      if (evidence.length > 0) await manager.remove(evidence);
      const pinned = await this.beyondBound(manager);
      if (pinned.length > 0) await manager.remove(pinned);
      return records.length + samples.length + sessions.length + evidence.length + pinned.length;
    });
  }

  /** Owners that a start would not read any more: of each kind the newest are kept. */
  private async beyondBound(manager: EntityManager): Promise<PinnedValue[]> {
    const found: PinnedValue[] = [];
    for (const kind of ['response', 'file'] as const) {
      found.push(
        ...(await manager.find(PinnedValue, {
          where: { kind },
          order: { seenAt: 'DESC' },
          skip: limits.pins,
          take: limits.retentionStepRows,
        })),
      );
    }
    return found;
  }
}
