import type { EntityManager } from 'typeorm';
import { limits } from '../config/limits.js';

const SUMS = ['turns', 'input', 'cached', 'output', 'reasoning', 'resent', 'failovers'] as const;

/**
 * Adds the daily sums of sessions before a day (epoch ms) to those without a session: a year of them would be a row for
 * each session that there was. At most `limits.retentionStepRows` at a time; returns how many.
 */
export async function forgetSessions(manager: EntityManager, before: number): Promise<number> {
  const old = `SELECT split, day, split_key, model FROM usage_split_day
    WHERE split = 'session' AND day < ${Math.trunc(before)} AND split_key <> ''
    ORDER BY split, day, split_key, model LIMIT ${limits.retentionStepRows}`;
  const rows = `usage_split_day WHERE (split, day, split_key, model) IN (${old})`;
  const [found] = await manager.query<{ count: number }[]>(`SELECT COUNT(*) AS count FROM (${old}) AS old`);
  const count = found?.count ?? 0;
  if (count === 0) return 0;
  await manager.query(
    `INSERT INTO usage_split_day (split, day, split_key, model, ${SUMS.join(', ')})
     SELECT 'session', day, '', model, ${SUMS.map((it) => `SUM(${it})`).join(', ')} FROM ${rows} GROUP BY day, model
     ON CONFLICT (split, day, split_key, model) DO UPDATE SET
       ${SUMS.map((it) => `${it} = usage_split_day.${it} + excluded.${it}`).join(', ')}`,
  );
  await manager.query(`DELETE FROM ${rows}`);
  return count;
}
