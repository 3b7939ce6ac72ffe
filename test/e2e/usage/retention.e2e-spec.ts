import type { EntityManager, ObjectLiteral } from 'typeorm';
import { describe, expect, it } from 'vitest';
import { PinnedValue } from '../../../src/accounts/selection/pinned-value.entity.js';
import { SessionAffinityRow } from '../../../src/accounts/selection/session-affinity.entity.js';
import { limits } from '../../../src/config/limits.js';
import { Database } from '../../../src/storage/database.js';
import { RetentionCron } from '../../../src/storage/retention.cron.js';
import { QuotaSample } from '../../../src/usage/quota-sample.entity.js';
import { UsageRecord } from '../../../src/usage/sums/usage-record.entity.js';
import { recordRow } from '../../support/disk/usage-rows.js';
import { DAY, FakeClock } from '../../support/fake-clock.js';
import { TestPool } from '../../support/pool/pool.js';
import { databaseDrivers, type TestedDriver, using } from '../../support/program/database-drivers.js';

type Entity<Row> = new () => Row;

/** More rows than one step removes, in each table. */
const OLD = 2 * limits.retentionStepRows + 500;

async function insert<Row extends ObjectLiteral>(
  manager: EntityManager,
  entity: Entity<Row>,
  count: number,
  rowOf: (index: number) => Row,
): Promise<void> {
  for (let at = 0; at < count; at += 50) {
    const rows = Array.from({ length: Math.min(50, count - at) }, (_, index) => rowOf(at + index));
    await manager.createQueryBuilder().insert().into(entity).values(rows).updateEntity(false).execute();
  }
}

const sessionRow = (name: string, usedAt: number): SessionAffinityRow => ({
  session: name,
  accountId: 'x',
  formerId: null,
  wasServedElsewhere: false,
  usedAt,
});
const sampleRow = (accountId: string, seenAt: number): QuotaSample => ({
  accountId,
  durationSeconds: 604_800,
  seenAt,
  usedRatio: 0.5,
  resetsAt: null,
});

async function start(driver: TestedDriver, clock: FakeClock): Promise<TestPool> {
  const env = { ...using(driver), PROXY_USAGE_RETENTION_DAYS: '10', PROXY_USAGE_REFRESH_SECONDS: '86400' };
  return await TestPool.start({ accounts: ['a'], clock, env });
}

describe.each(databaseDrivers)('retention, with the driver %s', (driver) => {
  it('empties every table of what is outdated, in steps of its own size', async () => {
    const clock = new FakeClock();
    await using pool = await start(driver, clock);
    const now = clock.now();
    const { app } = pool.running;
    const database = app.get(Database);
    const count = async (entity: Entity<ObjectLiteral>) =>
      await database.run(async (manager) => await manager.count(entity));
    await database.run(async (manager) => {
      await insert(manager, UsageRecord, OLD, (index) => recordRow(`old-${index}`, now - 11 * DAY - index));
      await insert(manager, QuotaSample, OLD, (index) =>
        sampleRow(`old-${index % 7}`, now - 11 * DAY - index),
      );
      await insert(manager, SessionAffinityRow, OLD, (index) =>
        sessionRow(`old-${index}`, now - 11 * DAY - index),
      );
      await insert(manager, UsageRecord, 3, (index) => recordRow(`new-${index}`, now - DAY));
      await insert(manager, QuotaSample, 3, (index) => sampleRow('new', now - DAY - index));
      await insert(manager, SessionAffinityRow, 3, (index) => sessionRow(`new-${index}`, now - DAY));
    });
    await app.get(RetentionCron).run();
    expect(await count(UsageRecord)).toBe(3);
    expect(await count(SessionAffinityRow)).toBe(3);
    const samples = await database.run(async (manager) => await manager.find(QuotaSample));
    expect(samples.filter((it) => it.accountId === 'new')).toHaveLength(3);
    expect(samples.filter((it) => it.accountId.startsWith('old'))).toEqual([]);
    expect((await pool.client.get('/healthz')).body.details.usage).toMatchObject({ trouble: null });
  });

  it('keeps the newest rows of a table up to its bound', async () => {
    const clock = new FakeClock();
    await using pool = await start(driver, clock);
    const now = clock.now();
    const { app } = pool.running;
    const database = app.get(Database);
    await database.run(async (manager) => {
      await insert(manager, SessionAffinityRow, limits.affinitySessions + 1_500, (index) =>
        sessionRow(`s-${index}`, now - DAY + index),
      );
      await insert(manager, PinnedValue, limits.pins + 1_500, (index) => ({
        kind: 'response' as const,
        hash: `h-${index}`,
        accountId: 'x',
        seenAt: now - DAY + index,
      }));
    });
    await app.get(RetentionCron).run();
    const left = await database.run(async (manager) => [
      await manager.find(SessionAffinityRow, { order: { usedAt: 'ASC' }, take: 1 }),
      await manager.count(SessionAffinityRow),
      await manager.find(PinnedValue, { order: { seenAt: 'ASC' }, take: 1 }),
      await manager.count(PinnedValue),
    ]);
    expect(left).toMatchObject([
      [{ session: 's-1500' }],
      limits.affinitySessions,
      [{ hash: 'h-1500' }],
      limits.pins,
    ]);
  });

  it('of one table that fails is told by /healthz, and the other tables are cleaned', async () => {
    const clock = new FakeClock();
    await using pool = await start(driver, clock);
    const now = clock.now();
    const { app } = pool.running;
    const database = app.get(Database);
    await database.run(async (manager) => {
      await insert(manager, QuotaSample, 3, (index) => sampleRow('old', now - 11 * DAY - index));
      await insert(manager, SessionAffinityRow, 3, (index) => sessionRow(`old-${index}`, now - 11 * DAY));
      await manager.query(
        `CREATE TRIGGER refuse BEFORE DELETE ON quota_sample BEGIN SELECT RAISE(ABORT, 'made up'); END`,
      );
    });
    await app.get(RetentionCron).run();
    expect(await database.run(async (manager) => await manager.count(SessionAffinityRow))).toBe(0);
    const health = (await pool.client.get('/healthz').expect(200)).body;
    expect(health.status).toBe('degraded');
    expect(health.details.usage.trouble).toMatch(/outdated rows could not be removed \(sample: .*made up/);
    await database.run(async (manager) => await manager.query('DROP TRIGGER refuse'));
    await app.get(RetentionCron).run();
    expect((await pool.client.get('/healthz')).body.details.usage.trouble).toBeNull();
  });
});
