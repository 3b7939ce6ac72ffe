import type { EntityManager } from 'typeorm';
import { limits } from '../../config/limits.js';
import type { RecordedSums, UsageSums } from '../sums/rollup-sums.js';
import { DAY_MS } from './local-days.js';
import { correctionsOf } from './parts-of-hours.js';
import type { StoredSpan } from './stored-span.js';
import {
  literal,
  MOVED_TURNS,
  RECORDED,
  recordedIn,
  SUMMED_RECORDED,
  sumsIn,
  tablesOf,
  textOf,
  type TimeSpan,
  within,
} from './usage-sql.js';

/** The sums of a time span. */
export interface AccountSums {
  readonly totals: RecordedSums;
  /** The number of accounts that were used. */
  readonly count: number;
  /** Those with most turns, by identity. */
  readonly accounts: readonly (UsageSums & { readonly accountId: string })[];
}

/**
 * Sums up a time span by account, in one statement: its whole days of UTC, the hours before and after them, and the
 * records of parts of hours.
 * @param span the part of the query's span for which there are rollups
 */
export async function sumsByAccount(
  manager: EntityManager,
  query: TimeSpan,
  span: TimeSpan,
  stored: StoredSpan,
): Promise<AccountSums> {
  const recorded = { from: Math.max(span.from, stored.recordsFrom), to: stored.to };
  const corrections = correctionsOf({ ...query, bucket: 'hour' }, [], recorded);
  const { days, hours } = partsOfSpan(span);
  const columns = `account_id AS split, ${RECORDED.join(', ')}`;
  const source = [
    `SELECT ${columns} FROM usage_day WHERE ${within('day', days)}`,
    ...hours.map((it) => `SELECT ${columns} FROM usage_rollup WHERE ${within('hour', it)}`),
    ...(corrections.length === 0
      ? []
      : [`SELECT split, ${RECORDED.join(', ')} FROM (${MOVED_TURNS}) AS moves`]),
  ];
  const parts = corrections.length === 0 ? 'WITH' : `${tablesOf(corrections, 'account')},`;
  const rows = await manager.query<Record<string, unknown>[]>(
    `${parts} sums AS MATERIALIZED (
       SELECT * FROM (
         SELECT split, ${SUMMED_RECORDED} FROM (${source.join(' UNION ALL ')}) AS source GROUP BY split
       ) AS every WHERE ${RECORDED.map((it) => `${it} <> 0`).join(' OR ')}
     )
     SELECT NULL AS split, COUNT(*) AS count, ${SUMMED_RECORDED} FROM sums
     UNION ALL SELECT * FROM (
       SELECT split, 1 AS count, ${RECORDED.join(', ')} FROM sums ORDER BY turns DESC, split LIMIT ${literal(limits.usageAccounts)}
     ) AS used`,
  );
  const [all, ...accounts] = rows;
  return {
    totals: recordedIn(all ?? {}),
    count: Number(all?.['count'] ?? 0),
    accounts: accounts
      .map((it) => ({ accountId: textOf(it['split']), ...sumsIn(it) }))
      .toSorted((a, b) => (a.accountId < b.accountId ? -1 : 1)),
  };
}

/** Divides a span of hours (those that begin in it) into whole days of UTC and the hours around them. */
export function partsOfSpan({ from, to }: TimeSpan): { days: TimeSpan; hours: readonly TimeSpan[] } {
  const first = Math.ceil(from / DAY_MS) * DAY_MS;
  const last = Math.floor(to / DAY_MS) * DAY_MS;
  if (first >= last) return { days: { from, to: from }, hours: [{ from, to }] };
  return {
    days: { from: first, to: last },
    hours: [
      { from, to: first },
      { from: last, to },
    ],
  };
}
