import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { EntityManager } from 'typeorm';
import { chooseDriver } from '../../../src/storage/database-driver.js';
import { openFile } from '../../../src/storage/database-file.js';
import type { TestedDriver } from '../program/database-drivers.js';
import { storeUsage, type StoredUsage } from './stored-usage.js';

const HOUR = 3_600_000;
const SAMPLES = 100_000;

export const RECORDS = 1_000_000;

/** Makes a database with a year of sums, turns of the last 30 days, and quota samples of an account. */
export async function makeYearOfUsage(
  path: string,
  driver: TestedDriver,
  accountIds: readonly string[],
  records = RECORDS,
): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const until = Math.floor(Date.now() / HOUR) * HOUR;
  const usage: StoredUsage = {
    until,
    hours: 365 * 24,
    accountIds,
    models: ['gpt-5.5', 'gpt-5.5-mini', 'codex-auto'],
    records,
    recordDays: 30,
    hasSplits: true,
  };
  await inTransaction(path, driver, async (manager) => {
    await storeUsage(manager, usage);
    await manager.query(
      `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${SAMPLES - 1})
       INSERT INTO quota_sample (account_id, duration_seconds, seen_at, used_ratio, resets_at)
       SELECT ?, 604800, ${until} - i * 25000, (i % 100) / 100.0, ${until} FROM n`,
      [accountIds[0]],
    );
  });
}

/** The number of turns in a database. */
export async function countTurns(path: string, driver: TestedDriver): Promise<number> {
  const [row] = await inTransaction(
    path,
    driver,
    async (manager) => await manager.query<{ count: number }[]>('SELECT COUNT(*) AS count FROM usage_record'),
  );
  return row?.count ?? 0;
}

async function inTransaction<T>(
  path: string,
  driver: TestedDriver,
  work: (manager: EntityManager) => Promise<T>,
): Promise<T> {
  const file = await openFile(path, chooseDriver(driver), []);
  if (file.kind !== 'open') throw new Error('the database comes from a newer version');
  try {
    return await file.source.transaction(work);
  } finally {
    await file.source.destroy();
  }
}
