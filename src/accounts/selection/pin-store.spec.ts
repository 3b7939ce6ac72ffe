import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { Counter, Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AppConfig, loadConfig } from '../../config/app.config.js';
import { Drain } from '../../runtime/drain.js';
import { limits } from '../../config/limits.js';
import { Database } from '../../storage/database.js';
import { PinnedValue } from './pinned-value.entity.js';
import { RetentionCron } from '../../storage/retention.cron.js';
import { WriteBehind } from '../../storage/write-behind.js';
import { PinStore } from './pin-store.js';
import { PinTable } from './pin-table.js';
import { selectionTables } from './selection-tables.js';

beforeAll(() => Logger.overrideLogger(false));
afterAll(() => Logger.overrideLogger(['log', 'warn', 'error']));

/** The table and its store, with a database of their own. Each read of the clock advances it by 1 ms. */
class Sandbox implements AsyncDisposable {
  readonly config: AppConfig;
  readonly clock = { now: () => (this.#now += 1) };
  readonly database: Database;
  readonly writer: WriteBehind;
  #now = 1_900_000_000_000;

  private constructor(readonly folder: string) {
    this.config = loadConfig({ PROXY_DB_PATH: join(folder, 'proxy.db') });
    this.database = new Database(this.config, this.clock, selectionTables);
    const dropped = { name: 'dropped', help: 'x', labelNames: ['kind'], registers: [new Registry()] };
    this.writer = new WriteBehind(this.database, new Counter(dropped), selectionTables);
  }

  static async create(): Promise<Sandbox> {
    return new Sandbox(await mkdtemp(join(tmpdir(), 'codex-pool-pins-')));
  }

  /** The pins that are restored at startup. */
  async start(): Promise<PinTable> {
    const table = new PinTable();
    await new PinStore(table, this.writer, this.database, this.clock).onModuleInit();
    return table;
  }

  async count(kind: PinnedValue['kind']): Promise<number> {
    return await this.database.run(async (manager) => await manager.countBy(PinnedValue, { kind }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.database.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

describe('pins across a restart', () => {
  it('cover the newest responses and files, but no turn states, which live for one turn', async () => {
    await using sandbox = await Sandbox.create();
    const before = await sandbox.start();
    before.remember('response', 'resp_1', 'a');
    before.remember('file', 'file_1', 'a');
    before.remember('turn-state', 'ts', 'a');
    before.remember('file', 'file_1', 'b');
    await sandbox.writer.flush();
    const after = await sandbox.start();
    expect(after.pinOf('response', 'resp_1')).toBe('a');
    expect(after.pinOf('file', 'file_1')).toBe('b');
    expect(after.has('turn-state')).toBe(false);
  });

  it('are the newest of each kind up to the bound, in memory and on disk', async () => {
    await using sandbox = await Sandbox.create();
    const before = await sandbox.start();
    before.remember('file', 'the oldest of all', 'a');
    for (let i = 0; i < limits.pins + 50; i += 1) {
      before.remember('response', `resp_${i}`, 'a');
      if (i % 1_000 === 0) await sandbox.writer.flush();
    }
    await sandbox.writer.flush();
    expect(await sandbox.count('response')).toBe(limits.pins + 50);
    const { database, config, clock } = sandbox;
    await new RetentionCron(database, new Drain(), config, clock, selectionTables).run();
    expect([await sandbox.count('response'), await sandbox.count('file')]).toEqual([limits.pins, 1]);
    const after = await sandbox.start();
    expect(['resp_49', 'resp_50'].map((it) => after.pinOf('response', it))).toEqual([null, 'a']);
    expect(after.pinOf('file', 'the oldest of all')).toBe('a');
    after.remember('response', 'one more', 'b');
    expect(after.pinOf('response', 'resp_50')).toBeNull(); // the oldest goes first in memory, too
    expect(after.pinOf('response', 'resp_51')).toBe('a');
  });

  it('wait for the database up to a bound; the oldest are dropped first', async () => {
    await using sandbox = await Sandbox.create();
    const before = await sandbox.start();
    for (let i = 0; i < limits.queuedPins + 3; i += 1) before.remember('response', `resp_${i}`, 'a');
    expect([sandbox.writer.pending, sandbox.writer.droppedCount]).toEqual([limits.queuedPins, 3]);
    await sandbox.writer.flush();
    const after = await sandbox.start();
    expect(['resp_2', 'resp_3'].map((it) => after.pinOf('response', it))).toEqual([null, 'a']);
  });
});
