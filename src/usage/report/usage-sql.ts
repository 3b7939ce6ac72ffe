import { andWanted, turnColumns, type UsageFilter } from './usage-filter.js';
import { IS_TURN, type RecordedSums, type UsageSums } from '../sums/rollup-sums.js';

/** How buckets are split; `none` for the whole pool. */
export type UsageSplit = 'none' | 'account' | 'model';

/** A span of time, epoch ms; `to` is exclusive. */
export interface TimeSpan {
  readonly from: number;
  readonly to: number;
}

/** The turns of a part of an hour, and the buckets that they leave and enter; null for outside the time span. */
export interface Correction extends TimeSpan {
  readonly out: number | null;
  readonly into: number | null;
}

const TOKENS = ['input', 'cached', 'output', 'reasoning'] as const;
export const SUMS = ['turns', ...TOKENS] as const;
export const RECORDED = [...SUMS, 'resent', 'failovers'] as const;
/** The sums of one turn, in SQL: those of `sumsOf`. */
const ofTurn: Readonly<Record<(typeof RECORDED)[number], string>> = {
  turns: IS_TURN,
  input: 'input',
  cached: 'cached',
  output: 'output',
  reasoning: 'reasoning',
  resent: 'CASE WHEN moved_from IS NOT NULL AND input > cached THEN input - cached ELSE 0 END',
  failovers: 'CASE WHEN accounts_tried > 1 THEN 1 ELSE 0 END',
};
/** The columns of the sums of one turn. */
export const RECORDED_OF_TURN = RECORDED.map((it) => `${ofTurn[it]} AS ${it}`).join(', ');
/** The columns of sums over rows with these columns. */
export const SUMMED = SUMS.map((it) => `SUM(${it}) AS ${it}`).join(', ');
export const SUMMED_RECORDED = RECORDED.map((it) => `SUM(${it}) AS ${it}`).join(', ');

/**
 * The common tables of corrections: `moved` has the sums of the turns of each, by split, and `change` says what becomes of
 * them. CROSS JOIN has SQLite look up each correction by the index of `at`, once.
 */
export function tablesOf(
  corrections: readonly Correction[],
  by: UsageSplit,
  filter: UsageFilter,
): readonly string[] {
  if (corrections.length === 0) return [];
  const split = by === 'model' ? "COALESCE(turn.model, '')" : by === 'account' ? 'turn.account_id' : "''";
  const parts = corrections.map(({ from, to }, number) => values(number, from, to));
  const changes = corrections.flatMap(({ out, into }, number) => [
    ...(out === null ? [] : [values(number, out, -1)]),
    ...(into === null ? [] : [values(number, into, 1)]),
  ]);
  const sums = RECORDED.map((it) => `SUM(${ofTurn[it]}) AS ${it}`);
  return [
    `part (number, first, past) AS (VALUES ${parts.join(', ')})`,
    `change (number, bucket, sign) AS (VALUES ${changes.join(', ')})`,
    `moved AS MATERIALIZED (
      SELECT part.number AS number, ${split} AS split, ${sums.join(', ')}
      FROM part CROSS JOIN usage_record AS turn
      WHERE turn.at >= part.first AND turn.at < part.past${andWanted(filter, turnColumns)} GROUP BY 1, 2
    )`,
  ];
}

/** Rows of the corrections, to be added to sums: bucket, split, sums. */
export const MOVED_TURNS = `SELECT change.bucket AS bucket, moved.split AS split,
  ${RECORDED.map((it) => `change.sign * moved.${it} AS ${it}`).join(', ')}
  FROM change JOIN moved ON moved.number = change.number`;

export function sumsIn(row: Record<string, unknown>): UsageSums {
  const [turns, input, cached, output, reasoning] = SUMS.map((it) => Number(row[it] ?? 0));
  return {
    turns: turns ?? 0,
    input: input ?? 0,
    cached: cached ?? 0,
    output: output ?? 0,
    reasoning: reasoning ?? 0,
  };
}

export function recordedIn(row: Record<string, unknown>): RecordedSums {
  return { ...sumsIn(row), resent: Number(row['resent'] ?? 0), failovers: Number(row['failovers'] ?? 0) };
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function within(column: string, { from, to }: TimeSpan): string {
  return `${column} >= ${literal(from)} AND ${column} < ${literal(to)}`;
}

/** Numbers are written into the SQL, because a driver may bind them as floats, which would spoil the division. */
export function literal(value: number): string {
  return String(Math.trunc(value));
}

function values(...numbers: readonly number[]): string {
  return `(${numbers.map((it) => literal(it)).join(', ')})`;
}
