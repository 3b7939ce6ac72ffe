import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { Database } from '../../../src/storage/database.js';
import { RetentionCron } from '../../../src/storage/retention.cron.js';
import { storeUsage } from '../../support/disk/stored-usage.js';
import { FakeClock } from '../../support/fake-clock.js';
import { TestPool } from '../../support/pool/pool.js';
import { databaseDrivers, type TestedDriver, using } from '../../support/program/database-drivers.js';

const RECORDS = 60_000;
const PAGE = 4_096;

/** A program whose database has turns of the last 20 days. Retention keeps `keptDays` of them. */
async function start(
  driver: TestedDriver,
  clock: FakeClock,
  keptDays: number,
  records = RECORDS,
): Promise<TestPool> {
  const env = {
    ...using(driver),
    PROXY_USAGE_RETENTION_DAYS: String(keptDays),
    PROXY_USAGE_REFRESH_SECONDS: '86400',
  };
  const pool = await TestPool.start({ accounts: ['a'], clock, env });
  const usage = { until: clock.now(), hours: 1, accountIds: ['x'], models: ['m'], records, recordDays: 20 };
  await databaseOf(pool).run(async (manager) => await storeUsage(manager, usage));
  await checkpoint(pool);
  return pool;
}

const databaseOf = (pool: TestPool) => pool.running.app.get(Database);
const pragma = async (pool: TestPool, name: string): Promise<number> =>
  await databaseOf(pool).maintain(async (runner) => {
    const [row]: Record<string, number>[] = await runner.query(`PRAGMA ${name}`);
    return row?.[name] ?? -1;
  });
const checkpoint = async (pool: TestPool) => await pragma(pool, 'wal_checkpoint(TRUNCATE)');
const sizeOf = async (pool: TestPool, suffix = '') =>
  (await stat(join(pool.folder, 'data', `proxy.db${suffix}`))).size;

/** Makes the file one of a version that could not give space back. */
async function makeOld(pool: TestPool): Promise<void> {
  await databaseOf(pool).maintain(async (runner) => {
    await runner.query('PRAGMA auto_vacuum = NONE');
    await runner.query('VACUUM');
  });
  await checkpoint(pool);
  expect(await pragma(pool, 'auto_vacuum')).toBe(0);
}

describe.each(databaseDrivers)('the space of removed rows (%s)', { timeout: 60_000 }, (driver) => {
  it('is given back to the disk, in steps with other work between them', async () => {
    const clock = new FakeClock();
    await using pool = await start(driver, clock, 10);
    const before = await sizeOf(pool);
    expect(before).toBeGreaterThan(12_000_000);
    const retention = pool.running.app.get(RetentionCron).run();
    const sizes = new Set<number>();
    const done = retention.then(() => null);
    for (let pages: number | null = 0; pages !== null;) {
      sizes.add(await pragma(pool, 'page_count'));
      pages = await Promise.race([done, Promise.resolve(0)]);
    }
    expect(await sizeOf(pool)).toBeLessThan(0.75 * before);
    expect(await sizeOf(pool, '-wal')).toBe(0);
    // Other work may have used some of the free pages since.
    const free = await pragma(pool, 'freelist_count');
    expect(free).toBeLessThanOrEqual(limits.freePagesKept);
    expect(free).toBeGreaterThan(limits.freePagesKept / 2);
    expect(await pragma(pool, 'page_count')).toBe((await sizeOf(pool)) / PAGE);
    // Other work saw the file shrink, no more than a step at a time, with the map of pages that it spares.
    const seen = [...sizes].toSorted((a, b) => b - a);
    expect(seen.length).toBeGreaterThan(5);
    for (const [index, pages] of seen.entries())
      expect((seen[index - 1] ?? pages) - pages).toBeLessThanOrEqual(limits.freePagesStep + 2);
    const rows = await databaseOf(pool).read(
      async (manager) => await manager.query('SELECT COUNT(*) AS count FROM usage_record'),
    );
    expect(rows).toEqual([{ count: RECORDS / 2 }]);
    expect(await pragma(pool, 'integrity_check')).toBe('ok');
  });

  it('is given back by a file of an older version, too, which is rewritten once', async () => {
    const clock = new FakeClock();
    await using pool = await start(driver, clock, 10);
    await makeOld(pool);
    const before = await sizeOf(pool);
    await pool.running.app.get(RetentionCron).run();
    expect(await pragma(pool, 'auto_vacuum')).toBe(2);
    expect(await sizeOf(pool)).toBeLessThan(0.75 * before);
    expect(await sizeOf(pool, '-wal')).toBe(0);
    expect(await pragma(pool, 'integrity_check')).toBe('ok');
    expect((await pool.client.get('/healthz')).body.details.usage.trouble).toBeNull();
    expect(pool.logger.lines.filter((it) => it.includes('the database gave space back'))).toHaveLength(1);
  });

  it('stays in a file of an older version while there is little of it', async () => {
    const clock = new FakeClock();
    await using pool = await start(driver, clock, 19, 2.2 * RECORDS);
    await makeOld(pool);
    const before = await sizeOf(pool);
    await pool.running.app.get(RetentionCron).run();
    expect(await pragma(pool, 'freelist_count')).toBeGreaterThan(limits.freePagesKept);
    expect(await pragma(pool, 'auto_vacuum')).toBe(0);
    expect(await sizeOf(pool)).toBe(before);
  });
});
