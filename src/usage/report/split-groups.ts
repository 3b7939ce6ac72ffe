import type { EntityManager } from 'typeorm';
import { limits } from '../../config/limits.js';
import { addRecorded, noRecorded, type RecordedSums } from '../sums/rollup-sums.js';
import { partsOfSpan } from './account-sums.js';
import { correctionsOf } from './parts-of-hours.js';
import type { StoredSpan } from './stored-span.js';
import { andWanted, turnColumns, type UsageFilter, wantedTables, withTables } from './usage-filter.js';
import {
  literal,
  RECORDED,
  RECORDED_OF_TURN,
  recordedIn,
  SUMMED_RECORDED,
  textOf,
  type TimeSpan,
  within,
} from './usage-sql.js';

/** By what groups are made. */
export type GroupSplit = 'account' | 'model' | 'project' | 'session' | 'effort' | 'front-end';

/** The sums of one part of a split. */
export interface SplitGroup extends RecordedSums {
  /** Empty if the client named none. */
  readonly key: string;
  /** The same by model; an empty name if the client named none. */
  readonly models: readonly (RecordedSums & { readonly model: string })[];
}

export interface SplitGroups {
  /** Those with most input and output tokens first. */
  readonly groups: readonly SplitGroup[];
  /** The number of all. */
  readonly count: number;
}

/** How each split is stored: its name in the sums of days, and the columns of its key in hourly sums and turns. */
const sources = {
  account: { split: 'account', key: 'split_key', hourly: 'account_id', turn: 'account_id' },
  model: { split: 'account', key: 'model', hourly: 'model', turn: "COALESCE(model, '')" },
  project: { split: 'project', key: 'split_key', hourly: null, turn: "COALESCE(project, '')" },
  session: { split: 'session', key: 'split_key', hourly: null, turn: "COALESCE(session, '')" },
  effort: { split: 'effort', key: 'split_key', hourly: null, turn: "COALESCE(effort, '')" },
  'front-end': { split: 'front-end', key: 'split_key', hourly: null, turn: "COALESCE(front_end, '')" },
} as const satisfies Record<GroupSplit, object>;

const rollupColumns = { account: 'account_id', model: 'model', project: null } as const;
/** Sums by model of the turns of some projects. */
const modelsOfProjects = { ...sources.model, split: 'project', hourly: null } as const;

type FilteredSpan = TimeSpan & { readonly filter: UsageFilter };

/**
 * Sums up a time span by a split, in one statement: its whole days of UTC, the hours before and after them, and the
 * turns of parts of hours. Hours are kept as long as turns (those of accounts and models longer); an older day counts as a
 * whole if it begins in the span.
 * @param span the part of the query's span for which there are sums
 */
export async function groupsBy(
  manager: EntityManager,
  by: GroupSplit,
  query: FilteredSpan,
  span: TimeSpan,
  stored: StoredSpan,
): Promise<SplitGroups> {
  const { tables, parameters } = wantedTables(query.filter);
  const own = [
    `sums AS MATERIALIZED (
       SELECT split_key, model, ${SUMMED_RECORDED} FROM (${sourceOf(by, query, span, stored)}) AS source
       GROUP BY split_key, model
     )`,
    `used AS MATERIALIZED (
       SELECT split_key, SUM(input + output) AS size FROM sums GROUP BY split_key
       HAVING ${RECORDED.map((it) => `SUM(${it}) <> 0`).join(' OR ')}
     )`,
    `largest AS (
       SELECT split_key, size FROM used ORDER BY size DESC, split_key LIMIT ${literal(limits.usageSplitGroups)}
     )`,
  ];
  const rows = await manager.query<Record<string, unknown>[]>(
    `${withTables(...tables, ...own)}
     SELECT sums.*, (SELECT COUNT(*) FROM used) AS count FROM largest JOIN sums ON sums.split_key = largest.split_key
     ORDER BY largest.size DESC, largest.split_key, sums.model`,
    [...parameters],
  );
  return { groups: groupsOf(rows), count: Number(rows[0]?.['count'] ?? 0) };
}

/** The SQL of the rows to sum up: split_key, model, sums. */
function sourceOf(by: GroupSplit, query: FilteredSpan, span: TimeSpan, stored: StoredSpan): string {
  const { filter } = query;
  const { split, key, hourly, turn } =
    by === 'model' && filter.projects !== undefined ? modelsOfProjects : sources[by];
  const wanted = andWanted(filter, {
    account: split === 'account' ? 'split_key' : null,
    model: 'model',
    project: split === 'project' ? 'split_key' : null,
  });
  const sums = RECORDED.join(', ');
  const { days, hours } = partsOfSpan(span);
  const kept = hourly === null ? stored.splitsFrom : stored.from;
  const wholeDays = [days, ...hours.filter((it) => it.from < kept)];
  const corrections = correctionsOf({ ...query, bucket: 'hour' }, [], {
    from: Math.max(span.from, stored.recordsFrom),
    to: stored.to,
  });
  return [
    ...wholeDays.map(
      (it) =>
        `SELECT ${key} AS split_key, model, ${sums} FROM usage_split_day WHERE split = '${split}' AND ${within('day', it)}${wanted}`,
    ),
    ...hours
      .filter((it) => it.from >= kept)
      .map((it) =>
        hourly === null
          ? `SELECT ${key} AS split_key, model, ${sums} FROM usage_split_hour WHERE split = '${split}' AND ${within('hour', it)}${wanted}`
          : `SELECT ${hourly} AS split_key, model, ${sums} FROM usage_rollup WHERE ${within('hour', it)}${andWanted(filter, rollupColumns)}`,
      ),
    ...corrections.map(({ from, to, out }) => {
      const sign = out === null ? '' : '-';
      const signed = RECORDED.map((it) => `${sign}${it} AS ${it}`).join(', ');
      return `SELECT split_key, model, ${signed} FROM (
        SELECT ${turn} AS split_key, COALESCE(model, '') AS model, ${RECORDED_OF_TURN}
        FROM usage_record AS turn WHERE ${within('at', { from, to })}${andWanted(filter, turnColumns)}) AS turn`;
    }),
  ].join(' UNION ALL ');
}

/** Joins the rows of each key, which follow each other. */
function groupsOf(rows: readonly Record<string, unknown>[]): SplitGroup[] {
  const groups: { key: string; models: SplitGroup['models'][number][] }[] = [];
  for (const row of rows) {
    const key = textOf(row['split_key']);
    const last = groups.at(-1);
    const group = last?.key === key ? last : { key, models: [] };
    if (group !== last) groups.push(group);
    group.models.push({ model: textOf(row['model']), ...recordedIn(row) });
  }
  return groups.map((it) => ({ ...it, ...sumOf(it.models) }));
}

function sumOf(models: readonly RecordedSums[]): RecordedSums {
  const sums = noRecorded();
  for (const it of models) addRecorded(sums, it);
  return sums;
}
