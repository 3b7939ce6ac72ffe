import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { Logger } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';
import type { EntityManager } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../config/app.config.js';
import type { Clock } from '../runtime/clock.js';
import { limits } from '../config/limits.js';
import { Database, DatabaseUnavailableError } from './database.js';
import type { DriverSetting } from '../config/driver-setting.js';
import { rollUp, sumUpDays } from '../usage/sums/rollup-sums.js';
import { UsageSplit1796200000000 } from './migrations/1796200000000-usage-split.js';
import { UsageSplitDay, UsageSplitHour } from '../usage/sums/usage-split.entity.js';
import { UsageDay } from '../usage/sums/usage-day.entity.js';
import { UsageRecord } from '../usage/sums/usage-record.entity.js';
import { UsageRollup } from '../usage/sums/usage-rollup.entity.js';
import { usageRecords, usageTables } from '../usage/usage-tables.js';
import { AccountSettingsRow } from '../accounts/account-settings.entity.js';
import { defaultSettings } from '../accounts/account.js';
import { accountSettings, accountTables } from '../accounts/account-tables.js';
import { selectionTables, sessionAffinities } from '../accounts/selection/selection-tables.js';
import { WriteBehind } from './write-behind.js';
import { OtherProgram } from '../../test/support/disk/database-process.js';
import { databaseDrivers } from '../../test/support/program/database-drivers.js';

beforeAll(() => Logger.overrideLogger(false));
afterAll(() => Logger.overrideLogger(['log', 'warn', 'error']));

const tables = [...usageTables, ...selectionTables, ...accountTables];

/** A database in its own folder, with a clock that the test moves. */
class Sandbox implements AsyncDisposable {
  now = Date.UTC(2026, 0, 2, 12);
  readonly database: Database;

  private constructor(
    readonly folder: string,
    driver: DriverSetting,
  ) {
    const clock: Clock = { now: () => this.now };
    this.database = new Database(
      loadConfig({ PROXY_DB_PATH: this.path, PROXY_SQLITE_DRIVER: driver }),
      clock,
      tables,
    );
  }

  static async create(driver: DriverSetting): Promise<Sandbox> {
    return new Sandbox(await mkdtemp(join(tmpdir(), 'codex-pool-database-')), driver);
  }

  get path(): string {
    return join(this.folder, 'data', 'proxy.db');
  }

  async count(): Promise<number> {
    return await this.database.run(async (manager) => await manager.count(UsageRecord));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.database.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

let lastId = 0;

function record(fields: Partial<UsageRecord> = {}): UsageRecord {
  lastId += 1;
  const plain = { id: `r${lastId}`, at: Date.UTC(2026, 0, 2, 12), accountId: 'a', model: 'm', status: 200 };
  const rest = {
    outcome: 'complete',
    attempts: 1,
    totalMs: 5,
    bytes: 10,
    session: null,
    effort: null,
    firstByteMs: 1,
    movedFrom: null,
    accountsTried: 1,
  };
  return Object.assign(
    new UsageRecord(),
    plain,
    rest,
    { input: 10, cached: 4, output: 3, reasoning: 1 },
    fields,
  );
}

function writerOf(database: Database) {
  const dropped = new Counter({
    name: 'dropped',
    help: 'x',
    labelNames: ['kind'] as const,
    registers: [new Registry()],
  });
  return { writer: new WriteBehind(database, dropped, tables), dropped };
}

const key = (it: UsageRollup) => `${it.hour} ${it.accountId} ${it.model}`;
const sorted = (rollups: UsageRollup[]) => rollups.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));

describe.each(databaseDrivers)('the database (%s)', (driver) => {
  it('runs one piece of work at a time, in the order of the calls', async () => {
    await using sandbox = await Sandbox.create(driver);
    let running = 0;
    let most = 0;
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        sandbox.database.run(async (manager) => {
          running += 1;
          most = Math.max(most, running);
          await manager.count(UsageRecord);
          order.push(index);
          running -= 1;
        }),
      ),
    );
    expect(most).toBe(1);
    expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index));
  });

  it('rejects work above its bound at once, and accepts work when there is room again', async () => {
    await using sandbox = await Sandbox.create(driver);
    const first = Promise.withResolvers<void>();
    const asked = Array.from({ length: limits.databaseQueue }, () =>
      sandbox.database.run(() => first.promise),
    );
    await expect(sandbox.count()).rejects.toThrow(DatabaseUnavailableError);
    first.resolve();
    await Promise.all(asked);
    expect(await sandbox.count()).toBe(0);
  });

  it('rolls back a piece of work that fails, and continues with the next', async () => {
    await using sandbox = await Sandbox.create(driver);
    const failing = sandbox.database.run(async (manager) => {
      await manager.insert(UsageRecord, record());
      throw new Error('made up');
    });
    await expect(failing).rejects.toThrow('made up');
    expect(sandbox.database.trouble).toBeNull();
    expect(await sandbox.count()).toBe(0);
  });

  it('reports why it cannot be opened, retries after a pause that doubles, and then works', async () => {
    await using sandbox = await Sandbox.create(driver);
    await writeFile(join(sandbox.folder, 'data'), 'no folder');
    await expect(sandbox.count()).rejects.toThrow(DatabaseUnavailableError);
    expect(sandbox.database.trouble).toMatch(/cannot be opened/);
    sandbox.now += limits.databaseRetryFirstMs;
    await expect(sandbox.count()).rejects.toThrow(DatabaseUnavailableError);
    await rm(join(sandbox.folder, 'data'));
    sandbox.now += 2 * limits.databaseRetryFirstMs - 1;
    await expect(sandbox.count()).rejects.toThrow(DatabaseUnavailableError);
    sandbox.now += 1;
    expect(await sandbox.count()).toBe(0);
    expect(sandbox.database.trouble).toBeNull();
  });

  it('is opened while another program holds the lock for writing', async () => {
    await using sandbox = await Sandbox.create(driver);
    await sandbox.database.run(async (manager) => await manager.insert(UsageRecord, record()));
    await sandbox.database.close();
    await using other = await OtherProgram.open(sandbox.path);
    await other.run('BEGIN IMMEDIATE');
    expect(await sandbox.count()).toBe(1);
    await other.run('ROLLBACK');
  });

  it('can be closed and used again', async () => {
    await using sandbox = await Sandbox.create(driver);
    await sandbox.database.run(async (manager) => await manager.insert(UsageRecord, record()));
    await sandbox.database.close();
    expect((await readdir(join(sandbox.folder, 'data'))).toSorted()).toEqual(['proxy.db']);
    expect(await sandbox.count()).toBe(1);
  });
});

/** The sums of days, and those of splits, in a fixed order. */
async function sumsIn(manager: EntityManager) {
  const order = { split: 'ASC', splitKey: 'ASC', model: 'ASC' } as const;
  return [
    await manager.find(UsageDay, { order: { day: 'ASC', accountId: 'ASC' } }),
    await manager.find(UsageSplitDay, { order: { day: 'ASC', ...order } }),
    await manager.find(UsageSplitHour, { order: { hour: 'ASC', ...order } }),
  ];
}

it.each(databaseDrivers)(
  'a database without sums of days and splits gets those of its hours and turns (%s)',
  async (driver) => {
    await using sandbox = await Sandbox.create(driver);
    const { writer } = writerOf(sandbox.database);
    const evening = Date.UTC(2026, 0, 2, 22);
    const turn = (i: number) =>
      record({
        at: evening + i * 600_000,
        accountId: `a${i % 2}`,
        input: i,
        session: i % 3 === 0 ? null : `s${i}`,
        effort: i % 5 === 0 ? null : 'low',
      });
    for (let i = 0; i < 20; i += 1) writer.enqueue(usageRecords, turn(i));
    await writer.flush();
    const written = await sandbox.database.run(async (manager) => {
      const before = await sumsIn(manager);
      const runner = manager.queryRunner;
      if (runner !== undefined) await new UsageSplit1796200000000().down(runner);
      await manager.query('DROP TABLE project');
      await manager.query('DROP TABLE usage_day');
      await manager.query('DROP INDEX quota_sample_account_id_seen_at');
      await manager.query(`DELETE FROM migrations WHERE timestamp BETWEEN 1796000000000 AND 1796200000000`);
      return before;
    });
    expect(written.map((it) => it.length)).toEqual([4, 27, 32]);
    await sandbox.database.close();
    expect(await sandbox.database.read(sumsIn)).toEqual(written);
  },
);

it.each(databaseDrivers)('sums by session of an older database make up its usage (%s)', async (driver) => {
  await using sandbox = await Sandbox.create(driver);
  await sandbox.database.run(async (manager) => {
    const runner = manager.queryRunner;
    if (runner !== undefined) await new UsageSplit1796200000000().down(runner);
    // The record of the second turn is gone.
    const [hour, sums] = [Date.UTC(2026, 0, 2, 22), '2, 30, 3, 7, 1'];
    await manager.query(
      `INSERT INTO usage_rollup (hour, account_id, model, turns, input, cached, output, reasoning)
       VALUES (${hour}, 'a', 'm', ${sums})`,
    );
    await manager.query(
      `INSERT INTO usage_record (id, at, account_id, session, model, status, outcome, attempts,
         input, cached, output, reasoning, total_ms, bytes)
       VALUES ('r', ${hour}, 'a', 's', 'm', 200, 'complete', 1, 10, 1, 2, 1, 5, 5)`,
    );
    await manager.query(`DELETE FROM migrations WHERE timestamp = 1796200000000`);
  });
  await sandbox.database.close();
  const days = await sandbox.database.read(
    async (manager) =>
      await manager.find(UsageSplitDay, { where: { split: 'session' }, order: { splitKey: 'ASC' } }),
  );
  expect(days).toMatchObject([
    { splitKey: '', model: 'm', turns: 1, input: 20, cached: 2, output: 5, reasoning: 0, resent: 0 },
    { splitKey: 's', model: 'm', turns: 1, input: 10, cached: 1, output: 2, reasoning: 1, resent: 0 },
  ]);
});

it("a database on Node's own SQLite whose thread dies is reopened for the next piece of work", async () => {
  await using sandbox = await Sandbox.create('node');
  const threads: Worker[] = [];
  const onWorker = (it: Worker) => threads.push(it);
  process.on('worker', onWorker);
  try {
    await sandbox.database.run(async (manager) => await manager.insert(UsageRecord, record()));
    const dying = sandbox.database.run(async (manager) => {
      await manager.insert(UsageRecord, record());
      await threads.at(-1)?.terminate();
      await manager.count(UsageRecord);
    });
    await expect(dying).rejects.toThrow('the database thread has exited');
    expect(await sandbox.count()).toBe(1);
    expect(sandbox.database.trouble).toBeNull();
  } finally {
    process.off('worker', onWorker);
  }
});

describe.each(databaseDrivers)('the writer (%s)', (driver) => {
  it('writes records and rollups together, over many batches and hours, to the same sums', async () => {
    await using sandbox = await Sandbox.create(driver);
    const { writer } = writerOf(sandbox.database);
    const at = Date.UTC(2026, 0, 2, 12);
    const records = Array.from({ length: 2 * limits.writeBatch + 7 }, (_, index) =>
      record({
        at: at + (index % 5) * 3_600_000,
        model: index % 2 === 0 ? 'm' : null,
        accountId: `a${index % 3}`,
        input: index,
      }),
    );
    for (const it of records) writer.enqueue(usageRecords, it);
    await writer.flush();
    expect(writer.pending).toBe(0);
    expect(await sandbox.count()).toBe(records.length);
    const stored = await sandbox.database.run(async (manager) => await manager.find(UsageRollup));
    expect(sorted(stored)).toEqual(sorted(rollUp(records)));
    const days = await sandbox.database.read(async (manager) => await manager.find(UsageDay));
    expect(days).toHaveLength(3);
    expect(days).toEqual(expect.arrayContaining(sumUpDays(stored)));
  });

  it('keeps rows while the database is missing and writes them once it is back', async () => {
    await using sandbox = await Sandbox.create(driver);
    const { writer } = writerOf(sandbox.database);
    await writeFile(join(sandbox.folder, 'data'), 'no folder');
    for (let i = 0; i < 3; i += 1) writer.enqueue(usageRecords, record());
    await writer.flush();
    expect(writer.pending).toBe(3);
    expect(writer.trouble).not.toBeNull();
    await rm(join(sandbox.folder, 'data'));
    sandbox.now += limits.databaseRetryMaxMs;
    await writer.flush();
    expect(writer.pending).toBe(0);
    expect(writer.trouble).toBeNull();
    expect(await sandbox.count()).toBe(3);
  });

  it('drops the oldest above its bound while nothing can be written, counts it, and writes the rest', async () => {
    await using sandbox = await Sandbox.create(driver);
    const { writer, dropped } = writerOf(sandbox.database);
    await writeFile(join(sandbox.folder, 'data'), 'no folder');
    for (let i = 0; i < limits.queuedRecords + 5; i += 1) writer.enqueue(usageRecords, record({ input: i }));
    await writer.flush();
    expect(writer.pending).toBe(limits.queuedRecords);
    expect(writer.droppedCount).toBe(5);
    expect((await dropped.get()).values).toEqual([
      expect.objectContaining({ labels: { kind: 'record' }, value: 5 }),
    ]);
    await rm(join(sandbox.folder, 'data'));
    sandbox.now += limits.databaseRetryMaxMs;
    await writer.flush();
    expect(await sandbox.count()).toBe(limits.queuedRecords);
  });

  it('writes the newest state of a session, even if it moved while its batch was being written', async () => {
    await using sandbox = await Sandbox.create(driver);
    const { writer } = writerOf(sandbox.database);
    for (let i = 0; i < limits.queuedSessions + 2; i += 1)
      writer.enqueue(sessionAffinities, {
        session: `s${i}`,
        accountId: 'a',
        usedAt: i,
        formerId: null,
        wasServedElsewhere: false,
      });
    expect(writer.droppedCount).toBe(2);
    const flush = writer.flush();
    writer.enqueue(sessionAffinities, {
      session: 's2',
      accountId: 'b',
      usedAt: 99,
      formerId: null,
      wasServedElsewhere: false,
    });
    await flush;
    expect(writer.pending).toBe(0);
    const rows = await sandbox.database.run(
      async (manager) =>
        await manager.query(
          `SELECT session, account_id FROM session_affinity WHERE session IN ('s1', 's2', 's3')`,
        ),
    );
    expect(rows.map((it: object) => Object.values(it).join()).toSorted()).toEqual(['s2,b', 's3,a']);
  });

  it.each([
    ['the first', 0],
    ['one in the middle', 250],
    ['the last', limits.writeBatch - 1],
  ])(
    'drops %s of a full batch that it refuses, writes all other rows, and those of other tables',
    async (_case, bad) => {
      await using sandbox = await Sandbox.create(driver);
      const { writer, dropped } = writerOf(sandbox.database);
      writer.enqueue(usageRecords, record({ id: 'twice' }));
      await writer.flush();
      for (let i = 0; i < limits.writeBatch; i += 1)
        writer.enqueue(usageRecords, record(i === bad ? { id: 'twice' } : {}));
      const settings = { ...defaultSettings, accountId: 'a', priority: 7 };
      writer.enqueue(accountSettings, Object.assign(new AccountSettingsRow(), settings));
      await writer.flush();
      expect(writer.trouble).toBeNull();
      expect([writer.pending, writer.droppedCount]).toEqual([0, 1]);
      expect((await dropped.get()).values).toEqual([
        expect.objectContaining({ labels: { kind: 'record' }, value: 1 }),
      ]);
      expect(await sandbox.count()).toBe(limits.writeBatch);
      const [rows, rollups] = await sandbox.database.run(async (manager) => [
        await manager.find(AccountSettingsRow),
        await manager.find(UsageRollup),
      ]);
      expect(rows).toMatchObject([{ accountId: 'a', priority: 7 }]);
      expect(rollups).toMatchObject([{ turns: limits.writeBatch }]); // the refused row is in no sum
    },
  );

  it('keeps the rows of a batch that fails for another reason', async () => {
    await using sandbox = await Sandbox.create(driver);
    const { writer } = writerOf(sandbox.database);
    await sandbox.database.run(async (manager) => await manager.query('DROP TABLE usage_rollup'));
    for (let i = 0; i < 20; i += 1) writer.enqueue(usageRecords, record());
    await writer.flush();
    expect([writer.pending, writer.droppedCount]).toEqual([20, 0]);
    expect(writer.trouble).toMatch(/usage_rollup/);
  });

  it.each([2, 10, 200])(
    'writes the settings of %d accounts to their own rows, last name first',
    async (count) => {
      await using sandbox = await Sandbox.create(driver);
      const { writer } = writerOf(sandbox.database);
      for (const base of [0, 1_000]) {
        for (let i = count; i > 0; i -= 1) {
          const settings = { ...defaultSettings, accountId: `account-${i}`, priority: base + i };
          writer.enqueue(accountSettings, Object.assign(new AccountSettingsRow(), settings));
        }
        await writer.flush();
        expect(writer.pending).toBe(0);
        const rows = await sandbox.database.run(async (manager) => await manager.find(AccountSettingsRow));
        expect(rows).toHaveLength(count);
        for (const { accountId, priority } of rows) expect(accountId).toBe(`account-${priority - base}`);
      }
    },
  );
});
