import { LessThan } from 'typeorm';
import type { AppConfig } from '../config/app.config.js';
import { limits } from '../config/limits.js';
import { insertRows, removeRows, upsertRows } from '../storage/statements.js';
import type { StoredTable } from '../storage/stored-table.js';
import { projectNames } from './project/project-table.js';
import { QuotaSample } from './quota-sample.entity.js';
import { addToSums } from './rollup-sums.js';
import { UsageDay } from './usage-day.entity.js';
import { UsageRecord } from './usage-record.entity.js';
import { UsageRollup } from './usage-rollup.entity.js';

const DAY_MS = 86_400_000;

const oldestKept = (now: number, config: AppConfig) => now - config.usageRetentionDays * DAY_MS;

/** Every turn, and the sums of hours and days, which outlive the turns. */
export const usageRecords: StoredTable<UsageRecord> = {
  kind: 'record',
  entities: [UsageRecord, UsageRollup, UsageDay],
  bound: limits.queuedRecords,
  async write(manager, rows) {
    await insertRows(manager, UsageRecord, rows);
    await addToSums(manager, rows);
  },
  async removeOutdated(manager, now, config) {
    return await removeRows(manager, UsageRecord, {
      where: { at: LessThan(oldestKept(now, config)) },
      order: { at: 'ASC' },
    });
  },
};

export const quotaSamples: StoredTable<QuotaSample> = {
  kind: 'sample',
  entities: [QuotaSample],
  bound: limits.queuedSamples,
  async write(manager, rows) {
    await upsertRows(manager, QuotaSample, rows, ['accountId', 'durationSeconds', 'seenAt']);
  },
  async removeOutdated(manager, now, config) {
    return await removeRows(manager, QuotaSample, {
      where: { seenAt: LessThan(oldestKept(now, config)) },
      order: { seenAt: 'ASC' },
    });
  },
};

/** In the order in which they are written. */
export const usageTables: readonly StoredTable[] = [usageRecords, quotaSamples, projectNames];
