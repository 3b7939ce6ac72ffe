import { type EntityManager, LessThan } from 'typeorm';
import type { AppConfig } from '../config/app.config.js';
import { limits } from '../config/limits.js';
import { addRows, insertRows, removeRows, upsertRows } from '../storage/statements.js';
import type { StoredTable } from '../storage/stored-table.js';
import { projectNames } from './project/project-table.js';
import { forgetSessions } from './old-sessions.js';
import { QuotaSample } from './quota-sample.entity.js';
import { HOUR_MS, rollUp, sumUpDays } from './sums/rollup-sums.js';
import { splitDays, splitHours } from './sums/split-sums.js';
import { UsageDay } from './sums/usage-day.entity.js';
import { UsageRecord } from './sums/usage-record.entity.js';
import { UsageRollup } from './sums/usage-rollup.entity.js';
import { UsageSplitDay, UsageSplitHour } from './sums/usage-split.entity.js';

const DAY_MS = 86_400_000;

const oldestKept = (now: number, config: AppConfig) => now - config.usageRetentionDays * DAY_MS;

/** Every turn, and the sums of hours and days, which outlive the turns. */
export const usageRecords: StoredTable<UsageRecord> = {
  kind: 'record',
  entities: [UsageRecord, UsageRollup, UsageDay, UsageSplitHour, UsageSplitDay],
  bound: limits.queuedRecords,
  async write(manager, rows) {
    await insertRows(manager, UsageRecord, rows);
    await addToSums(manager, rows);
  },
  async removeOutdated(manager, now, config) {
    const before = oldestKept(now, config);
    const turns = await removeRows(manager, UsageRecord, {
      where: { at: LessThan(before) },
      order: { at: 'ASC' },
    });
    const hours = await removeRows(manager, UsageSplitHour, {
      where: { hour: LessThan(before - HOUR_MS) },
      order: { hour: 'ASC' },
    });
    return turns + hours + (await forgetSessions(manager, before - DAY_MS));
  },
};

/** Adds records to the stored sums. Must run in the transaction that writes the records, so that all agree. */
async function addToSums(manager: EntityManager, records: readonly UsageRecord[]): Promise<void> {
  const rollups = rollUp(records);
  await addRows(manager, UsageRollup, rollups, ['hour', 'accountId', 'model']);
  await addRows(manager, UsageDay, sumUpDays(rollups), ['day', 'accountId']);
  await addRows(manager, UsageSplitHour, splitHours(records), ['hour', 'split', 'splitKey', 'model']);
  await addRows(manager, UsageSplitDay, splitDays(records), ['day', 'split', 'splitKey', 'model']);
}

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
