import type { UsageRecord } from './usage-record.entity.js';
import { addRecorded, DAY_MS, HOUR_MS, noRecorded, type RecordedSums, sumsOf } from './rollup-sums.js';
import { UsageSplitDay, UsageSplitHour } from './usage-split.entity.js';

/** By what stored sums are split, and the part that a record belongs to; empty if it names none. */
const splitKeys = {
  account: (it: UsageRecord) => it.accountId,
  project: (it: UsageRecord) => it.project ?? '',
  session: (it: UsageRecord) => it.session ?? '',
  effort: (it: UsageRecord) => it.effort ?? '',
  'front-end': (it: UsageRecord) => it.frontEnd ?? '',
} as const;

export type StoredSplit = keyof typeof splitKeys;
const allSplits = ['account', 'project', 'session', 'effort', 'front-end'] as const satisfies StoredSplit[];
/** The hours of accounts are in the rollups. */
const hourlySplits = allSplits.slice(1);

/** Sums up records: one row for each hour, split, part and model. */
export function splitHours(records: readonly UsageRecord[]): UsageSplitHour[] {
  return summed(records, hourlySplits, HOUR_MS, (fields, hour) =>
    Object.assign(new UsageSplitHour(), fields, { hour }),
  );
}

/** Sums up records: one row for each day of UTC, split, part and model. */
export function splitDays(records: readonly UsageRecord[]): UsageSplitDay[] {
  return summed(records, allSplits, DAY_MS, (fields, day) =>
    Object.assign(new UsageSplitDay(), fields, { day }),
  );
}

type Fields = RecordedSums & Pick<UsageSplitDay, 'split' | 'splitKey' | 'model'>;

function summed<Row extends RecordedSums>(
  records: readonly UsageRecord[],
  splits: readonly StoredSplit[],
  durationMs: number,
  rowOf: (fields: Fields, start: number) => Row,
): Row[] {
  const rows = new Map<string, Row>();
  for (const record of records) {
    const start = Math.floor(record.at / durationMs) * durationMs;
    const model = record.model ?? '';
    const sums = sumsOf(record);
    for (const split of splits) {
      const splitKey = splitKeys[split](record);
      const key = JSON.stringify([start, split, splitKey, model]);
      const row = rows.get(key) ?? rowOf({ split, splitKey, model, ...noRecorded() }, start);
      addRecorded(row, sums);
      rows.set(key, row);
    }
  }
  return [...rows.values()];
}
