import type { EntityManager } from 'typeorm';
import { limits } from '../../config/limits.js';
import { andWanted, turnColumns, type UsageFilter, wantedTables, withTables } from './usage-filter.js';
import { literal, type TimeSpan, within } from './usage-sql.js';

/** Times from a request to the head of its response, ms. */
export interface FirstByte {
  readonly p50: number;
  readonly p95: number;
}

/**
 * Returns median and 95th percentile of the newest `limits.usagePercentileTurns` turns of a span, or of those among them
 * that pass the filter; null without any.
 */
export async function firstByteOf(
  manager: EntityManager,
  span: TimeSpan & { readonly filter: UsageFilter },
): Promise<FirstByte | null> {
  const { tables, parameters } = wantedTables(span.filter);
  const newest = `newest AS MATERIALIZED (
       SELECT first_byte_ms AS ms, account_id, model, project FROM usage_record
       WHERE ${within('at', span)} AND first_byte_ms IS NOT NULL
       ORDER BY at DESC LIMIT ${literal(limits.usagePercentileTurns)}
     )`;
  const passing = `passing AS MATERIALIZED (SELECT ms FROM newest WHERE true${andWanted(span.filter, turnColumns)})`;
  const [row] = await manager.query<Record<string, unknown>[]>(
    `${withTables(...tables, newest, passing)} SELECT ${ranked(50)} AS p50, ${ranked(95)} AS p95`,
    [...parameters],
  );
  return row?.['p50'] == null ? null : { p50: Number(row['p50']), p95: Number(row['p95']) };
}

function ranked(percent: number): string {
  return `(SELECT ms FROM passing ORDER BY ms LIMIT 1 OFFSET (SELECT (COUNT(*) - 1) * ${percent} / 100 FROM passing))`;
}
