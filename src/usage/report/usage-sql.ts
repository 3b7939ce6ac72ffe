import type { UsageSums } from '../rollup-sums.js';

/** How buckets are split; `none` for the whole pool. */
export type UsageSplit = 'none' | 'account' | 'model';

/** A span of time, epoch ms; `to` is exclusive. */
export interface TimeSpan {
  readonly from: number;
  readonly to: number;
}

/** Turns of a part of an hour that are added to a bucket (1) or taken from it (-1). */
export interface Correction extends TimeSpan {
  readonly bucket: number;
  readonly sign: 1 | -1;
}

const TOKENS = ['input', 'cached', 'output', 'reasoning'] as const;
export const SUMS = ['turns', ...TOKENS] as const;
/** As `countsAsTurn` counts. */
const IS_TURN =
  "CASE WHEN turn.outcome <> 'failed' AND turn.status >= 200 AND turn.status < 300 THEN 1 ELSE 0 END";
/** The columns of sums over rows with these columns. */
export const SUMMED = SUMS.map((it) => `SUM(${it}) AS ${it}`).join(', ');

/** The common table `part` of the corrections. */
export function partsOf(corrections: readonly Correction[]): string {
  if (corrections.length === 0) return '';
  const values = corrections.map((it) => `(${[it.from, it.to, it.bucket, it.sign].map(literal).join(', ')})`);
  return `WITH part (first, past, bucket, sign) AS (VALUES ${values.join(', ')})`;
}

/** The records of the corrections. CROSS JOIN has SQLite look up each part by the index of `at`. */
export function corrected(bucket: string, by: UsageSplit): string {
  const split = by === 'model' ? "COALESCE(turn.model, '')" : by === 'account' ? 'turn.account_id' : "''";
  const columns = [
    ...(bucket === '' ? [] : [bucket]),
    split,
    `part.sign * (${IS_TURN})`,
    ...TOKENS.map((it) => `part.sign * turn.${it}`),
  ];
  return `SELECT ${columns.join(', ')} FROM part CROSS JOIN usage_record AS turn
          WHERE turn.at >= part.first AND turn.at < part.past`;
}

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
