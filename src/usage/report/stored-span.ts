import type { EntityManager } from 'typeorm';
import { literal, type TimeSpan, within } from './usage-sql.js';

/** From when to when (exclusive) there are rollups, and from when there are records and hours of splits, epoch ms. */
export interface StoredSpan extends TimeSpan {
  readonly recordsFrom: number;
  readonly splitsFrom: number;
}

/** Returns the span of the stored usage; null without any. */
export async function storedSpan(manager: EntityManager): Promise<StoredSpan | null> {
  const [row] = await manager.query<Record<string, unknown>[]>(
    `SELECT (SELECT MIN(hour) FROM usage_rollup) AS first, (SELECT MAX(hour) FROM usage_rollup) AS last,
     (SELECT MIN(at) FROM usage_record) AS records, (SELECT MIN(hour) FROM usage_split_hour) AS splits`,
  );
  if (row?.['first'] == null) return null;
  return {
    from: Number(row['first']),
    to: Number(row['last']) + 3_600_000,
    recordsFrom: row['records'] == null ? Infinity : Number(row['records']),
    splitsFrom: row['splits'] == null ? Infinity : Number(row['splits']),
  };
}

/**
 * Returns the newest hour of a span that has rollups, and the hour of the rollup that `most` newer ones of the span
 * follow; null without such an hour.
 */
export async function hoursBack(manager: EntityManager, span: TimeSpan, most: number) {
  const [row] = await manager.query<Record<string, unknown>[]>(
    `SELECT (SELECT MAX(hour) FROM usage_rollup WHERE ${within('hour', span)}) AS newest,
     (SELECT hour FROM usage_rollup WHERE ${within('hour', span)}
      ORDER BY hour DESC LIMIT 1 OFFSET ${literal(most)}) AS beyond`,
  );
  return { newest: hourIn(row?.['newest']), beyond: hourIn(row?.['beyond']) };
}

function hourIn(value: unknown): number | null {
  return value == null ? null : Number(value);
}
