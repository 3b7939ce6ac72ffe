import type { EntityManager } from 'typeorm';
import { DAY_MS, type OffsetPeriod } from './local-days.js';
import type { UsageSums } from '../rollup-sums.js';

/** How buckets are split; `none` for the whole pool. */
export type UsageSplit = 'none' | 'account' | 'model';

/** The sums of a group of rows. A field by which the rows are not grouped is empty or 0. */
export interface UsageGroup extends UsageSums {
  /** Start of an hour (epoch ms), or the number of a local day. */
  readonly bucket: number;
  readonly accountId: string;
  readonly model: string;
}

/** A span of time, epoch ms; `to` is exclusive. */
export interface TimeSpan {
  readonly from: number;
  readonly to: number;
}

const SUMS = ['turns', 'input', 'cached', 'output', 'reasoning'] as const;
const ROLLUP_SUMS = SUMS.map((it) => `SUM(${it}) AS ${it}`).join(', ');
/** As `countsAsTurn` counts. */
const RECORD_SUMS = [
  "SUM(CASE WHEN outcome <> 'failed' AND status >= 200 AND status < 300 THEN 1 ELSE 0 END) AS turns",
  ...SUMS.slice(1).map((it) => `SUM(${it}) AS ${it}`),
].join(', ');

/** The SQL of a rollup's bucket: its hour. */
export const HOUR_BUCKET = 'hour';

/** Returns the SQL of a rollup's bucket: the number of the local day in which its hour begins. */
export function dayBucket(periods: readonly OffsetPeriod[]): string {
  const [earliest, ...later] = periods;
  // Newest first, because most rows are recent.
  const cases = later
    .toReversed()
    .map(({ start, offsetMs }) => `WHEN hour >= ${literal(start)} THEN ${literal(offsetMs)}`);
  const offset = literal(earliest?.offsetMs ?? 0);
  return `(hour + ${cases.length === 0 ? offset : `CASE ${cases.join(' ')} ELSE ${offset} END`}) / ${DAY_MS}`;
}

/** Sums up the rollups of a time span by account. */
export async function sumsByAccount(manager: EntityManager, span: TimeSpan): Promise<UsageGroup[]> {
  return await groups(
    manager,
    `SELECT account_id AS "accountId", ${ROLLUP_SUMS} FROM usage_rollup
     WHERE ${within('hour', span)} GROUP BY account_id`,
  );
}

/** Sums up the rollups of a time span by bucket and split: the newest groups, at most `most`. */
export async function sumsByBucket(
  manager: EntityManager,
  span: TimeSpan,
  bucket: string,
  by: UsageSplit,
  most: number,
): Promise<UsageGroup[]> {
  const split = { none: [], account: ['account_id AS "accountId"'], model: ['model'] }[by];
  return await groups(
    manager,
    `SELECT ${[`${bucket} AS bucket`, ...split, ROLLUP_SUMS].join(', ')} FROM usage_rollup
     WHERE ${within('hour', span)} GROUP BY ${split.length === 0 ? '1' : '1, 2'} ORDER BY 1 DESC LIMIT ${literal(most)}`,
  );
}

/** Sums up the records of each time span (fewer than 500) by account and model. `bucket` is the index of the span. */
export async function sumsOfRecords(
  manager: EntityManager,
  spans: readonly TimeSpan[],
): Promise<UsageGroup[]> {
  if (spans.length === 0) return [];
  const parts = spans.map(
    (span, index) =>
      `SELECT ${literal(index)} AS bucket, account_id AS "accountId", COALESCE(model, '') AS model, ${RECORD_SUMS}
       FROM usage_record WHERE ${within('at', span)} GROUP BY 2, 3`,
  );
  return await groups(manager, parts.join(' UNION ALL '));
}

/** Returns from when to when (exclusive) there are rollups, and from when there are records; null without any. */
export async function storedSpan(
  manager: EntityManager,
): Promise<(TimeSpan & { readonly recordsFrom: number }) | null> {
  const [row] = await manager.query<Record<string, unknown>[]>(
    `SELECT (SELECT MIN(hour) FROM usage_rollup) AS first, (SELECT MAX(hour) FROM usage_rollup) AS last,
     (SELECT MIN(at) FROM usage_record) AS records`,
  );
  if (row?.['first'] == null) return null;
  return {
    from: Number(row['first']),
    to: Number(row['last']) + 3_600_000,
    recordsFrom: row['records'] == null ? Infinity : Number(row['records']),
  };
}

async function groups(manager: EntityManager, sql: string): Promise<UsageGroup[]> {
  const rows = await manager.query<Record<string, unknown>[]>(sql);
  return rows.map((it) => ({
    bucket: Number(it['bucket'] ?? 0),
    accountId: textOf(it['accountId']),
    model: textOf(it['model']),
    turns: Number(it['turns']),
    input: Number(it['input']),
    cached: Number(it['cached']),
    output: Number(it['output']),
    reasoning: Number(it['reasoning']),
  }));
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function within(column: string, { from, to }: TimeSpan): string {
  return `${column} >= ${literal(from)} AND ${column} < ${literal(to)}`;
}

/** Numbers are written into the SQL, because a driver may bind them as floats, which would spoil the division. */
function literal(value: number): string {
  return String(Math.trunc(value));
}
