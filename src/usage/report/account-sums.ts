import type { EntityManager } from 'typeorm';
import { limits } from '../../config/limits.js';
import type { RecordedSums, UsageSums } from '../sums/rollup-sums.js';
import { DAY_MS } from './local-days.js';
import { correctionsOf } from './parts-of-hours.js';
import type { StoredSpan } from './stored-span.js';
import { andWanted, type UsageFilter, wantedTables, withTables } from './usage-filter.js';
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
 * records of parts of hours. The filter names no project.
 * @param span the part of the query's span for which there are rollups
 */
export async function sumsByAccount(
  manager: EntityManager,
  query: TimeSpan & { readonly filter: UsageFilter },
  span: TimeSpan,
  stored: StoredSpan,
): Promise<AccountSums> {
  const { filter } = query;
  const recorded = { from: Math.max(span.from, stored.recordsFrom), to: stored.to };
  const corrections = correctionsOf({ ...query, bucket: 'hour' }, [], recorded);
  const { days, hours } = partsOfSpan(span);
  const columns = `account_id AS split, ${RECORDED.join(', ')}`;
  const wanted = andWanted(filter, { account: 'account_id', model: 'model', project: null });
  const source = [
    daysOf(days, filter),
    ...hours.map((it) => `SELECT ${columns} FROM usage_rollup WHERE ${within('hour', it)}${wanted}`),
    ...(corrections.length === 0
      ? []
      : [`SELECT split, ${RECORDED.join(', ')} FROM (${MOVED_TURNS}) AS moves`]),
  ];
  const { tables, parameters } = wantedTables(filter);
  const sums = `sums AS MATERIALIZED (
       SELECT * FROM (
         SELECT split, ${SUMMED_RECORDED} FROM (${source.join(' UNION ALL ')}) AS source GROUP BY split
       ) AS every WHERE ${RECORDED.map((it) => `${it} <> 0`).join(' OR ')}
     )`;
  const rows = await manager.query<Record<string, unknown>[]>(
    `${withTables(...tables, ...tablesOf(corrections, 'account', filter), sums)}
     SELECT NULL AS split, COUNT(*) AS count, ${SUMMED_RECORDED} FROM sums
     UNION ALL SELECT * FROM (
       SELECT split, 1 AS count, ${RECORDED.join(', ')} FROM sums ORDER BY turns DESC, split LIMIT ${literal(limits.usageAccounts)}
     ) AS used`,
    [...parameters],
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

/** The sums of whole days by account: those of one model are with the splits. */
function daysOf(days: TimeSpan, filter: UsageFilter): string {
  const sums = RECORDED.join(', ');
  const [account, table] =
    filter.model === undefined
      ? ['account_id', `usage_day WHERE ${within('day', days)}`]
      : ['split_key', `usage_split_day WHERE split = 'account' AND ${within('day', days)}`];
  const wanted = andWanted(filter, { account, model: 'model', project: null });
  return `SELECT ${account} AS split, ${sums} FROM ${table}${wanted}`;
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
