import type { EntityManager } from 'typeorm';
import type { UsageSums } from '../sums/rollup-sums.js';
import { DAY_MS, type OffsetPeriod } from './local-days.js';
import { andWanted, type UsageFilter, wantedTables, withTables } from './usage-filter.js';
import {
  type Correction,
  literal,
  MOVED_TURNS,
  SUMMED,
  SUMS,
  sumsIn,
  tablesOf,
  textOf,
  type TimeSpan,
  type UsageSplit,
  within,
} from './usage-sql.js';

const splitColumns = { none: "''", account: 'account_id', model: 'model' } as const;

/** The sums of a group of rows. */
export interface UsageGroup extends UsageSums {
  /** Start of an hour (epoch ms), or the number of a local day. */
  readonly bucket: number;
  /** The account or model; empty if the buckets are not split. */
  readonly split: string;
}

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

/** Groups of a page. Numbers are epoch ms, buckets, and counts of groups. */
export interface PageOfGroups {
  /** The hours whose rollups are summed up. */
  readonly hours: TimeSpan;
  readonly corrections: readonly Correction[];
  /** The SQL of a rollup's bucket. */
  readonly bucket: string;
  readonly by: UsageSplit;
  readonly filter: UsageFilter;
  /** From when the hours of projects count, epoch ms; before that, their days. */
  readonly projectHoursFrom: number;
  readonly firstBucket: number;
  /** Only groups that are older than this one, or of its bucket with a lesser split; null for all. */
  readonly before: Pick<UsageGroup, 'bucket' | 'split'> | null;
  readonly most: number;
}

/** Sums up a page by bucket and split, in one scan: its newest groups, newest first. Groups without usage are left out. */
export async function groupsOf(manager: EntityManager, page: PageOfGroups): Promise<UsageGroup[]> {
  const { before, by, corrections, filter } = page;
  const { tables, parameters } = wantedTables(filter);
  const source = [
    filter.projects === undefined ? rollups(page) : sumsOfProjects(page),
    ...(corrections.length === 0
      ? []
      : [`SELECT bucket, split, ${SUMS.join(', ')} FROM (${MOVED_TURNS}) AS moves`]),
  ];
  const older =
    before === null
      ? ''
      : `AND (bucket < ${literal(before.bucket)} OR (bucket = ${literal(before.bucket)} AND split < ?))`;
  const rows = await manager.query<Record<string, unknown>[]>(
    `${withTables(...tables, ...tablesOf(corrections, by, filter))}SELECT * FROM (
       SELECT bucket, split, ${SUMMED} FROM (${source.join(' UNION ALL ')}) AS source GROUP BY bucket, split
     ) AS sums
     WHERE bucket >= ${literal(page.firstBucket)} ${older} AND (${SUMS.map((it) => `${it} <> 0`).join(' OR ')})
     ORDER BY bucket DESC, split DESC LIMIT ${literal(page.most)}`,
    [...parameters, ...(before === null ? [] : [before.split])],
  );
  return rows.map((it) => ({ bucket: Number(it['bucket']), split: textOf(it['split']), ...sumsIn(it) }));
}

/** The rollups of a page, with bucket and split. Sums of an hour are made first where the index has their order. */
function rollups({ hours, bucket, by, filter }: PageOfGroups): string {
  const split = splitColumns[by];
  const wanted = andWanted(filter, { account: 'account_id', model: 'model', project: null });
  const where = `FROM usage_rollup WHERE ${within('hour', hours)}${wanted}`;
  if (by === 'model') return `SELECT ${bucket} AS bucket, ${split} AS split, ${SUMS.join(', ')} ${where}`;
  const order = by === 'account' ? 'hour, account_id' : 'hour';
  return `SELECT ${bucket} AS bucket, split, ${SUMS.join(', ')} FROM (
    SELECT hour, ${split} AS split, ${SUMMED} ${where} GROUP BY ${order}) AS hours`;
}

/** The same of projects: of hours, and before those, of days, which count where they begin. */
function sumsOfProjects({ hours, bucket, by, filter, projectHoursFrom }: PageOfGroups): string {
  const split = by === 'model' ? 'model' : "''";
  const wanted = andWanted(filter, { account: null, model: 'model', project: 'split_key' });
  const firstHour = Math.min(projectHoursFrom, hours.to);
  const [days, kept] = [
    { from: hours.from, to: Math.max(hours.from, firstHour) },
    { from: Math.max(hours.from, firstHour), to: hours.to },
  ];
  const of = (table: string, column: string, span: TimeSpan) =>
    `SELECT ${bucket} AS bucket, ${split} AS split, ${SUMS.join(', ')} FROM (
       SELECT ${column} AS hour, model, ${SUMS.join(', ')} FROM ${table}
       WHERE split = 'project' AND ${within(column, span)}${wanted}) AS sums`;
  return [of('usage_split_day', 'day', days), of('usage_split_hour', 'hour', kept)].join(' UNION ALL ');
}
