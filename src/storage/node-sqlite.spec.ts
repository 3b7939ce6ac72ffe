import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { chooseDriver } from './database-driver.js';
import type { SqliteConnection } from './sqlite-module.js';
import { databaseDrivers, hasSqlite3Package } from '../../test/support/program/database-drivers.js';

interface Outcome {
  readonly error: Error | null;
  readonly rows: object[];
  readonly lastID: number | undefined;
  readonly changes: number | undefined;
}

/** One connection to a file in its own folder. */
class Connection implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly raw: SqliteConnection,
    private readonly isPinned: boolean,
  ) {}

  static async open(
    name: 'sqlite3' | 'node',
    { folder, flags }: { folder?: string; flags?: number } = {},
  ): Promise<Connection> {
    const at = folder ?? (await mkdtemp(join(tmpdir(), 'codex-pool-sqlite-')));
    const { module } = chooseDriver(name);
    const opened = Promise.withResolvers<void>();
    const raw = new module.Database(
      join(at, 'x.db'),
      flags ?? module.OPEN_READWRITE | module.OPEN_CREATE,
      (error) => (error === null ? opened.resolve() : opened.reject(error)),
    );
    await opened.promise;
    return new Connection(at, raw, folder === undefined);
  }

  async do(kind: 'run' | 'all', sql: string, values: readonly unknown[] = []): Promise<Outcome> {
    return await new Promise((resolve) => {
      this.raw[kind](sql, values, function settle(error, rows = []) {
        // The package gives no `this` for a statement that cannot be prepared.
        const { lastID, changes } = error === null ? this : {};
        resolve({ error, rows, lastID, changes });
      });
    });
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.raw.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    if (this.isPinned) await rm(this.folder, { recursive: true });
  }
}

/** Runs long enough for its thread to be ended meanwhile. It reads rows, and a thread can end between two rows. */
const ENDLESS =
  'WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 300000) SELECT x FROM n';

/** The thread that is started meanwhile; Node reports each to the process. */
async function withThread(open: () => Promise<Connection>) {
  const started = Promise.withResolvers<Worker>();
  process.once('worker', started.resolve);
  const connection = await open();
  return { connection, thread: await started.promise };
}

/** With and without the affinity of a column. */
const STORED = 'SELECT ? AS value, typeof(?) AS type';
const bindings: [string, unknown][] = [
  ['a whole number', 7],
  ['a negative number', -7],
  ['a fraction', 0.5],
  ['true', true],
  ['false', false],
  ['null', null],
  ['undefined', undefined],
  ['text', 'words\u00e4'],
  ['bytes', Buffer.from('bytes')],
];

describe.each(databaseDrivers)('a connection of the driver %s', (name) => {
  it('returns lastID and changes of a write, and neither for a read', async () => {
    await using connection = await Connection.open(name);
    await connection.do('run', 'CREATE TABLE t (id INTEGER PRIMARY KEY, x)');
    expect(await connection.do('run', 'INSERT INTO t (x) VALUES (?), (?)', [1, 2])).toMatchObject({
      error: null,
      lastID: 2,
      changes: 2,
    });
    expect(await connection.do('run', 'UPDATE t SET x = 3')).toMatchObject({ changes: 2 });
    const read = await connection.do('all', 'SELECT id, x FROM t');
    expect(read).toMatchObject({ error: null, changes: undefined });
    expect(read.rows.map((it) => ({ ...it }))).toEqual([
      { id: 1, x: 3 },
      { id: 2, x: 3 },
    ]);
  });

  it('stores a date as its milliseconds, and reads a number above 2^53 without an error', async () => {
    await using connection = await Connection.open(name);
    const at = new Date(1_795_300_000_123);
    expect((await connection.do('all', 'SELECT ? AS at', [at])).rows).toEqual([{ at: at.getTime() }]);
    const large = await connection.do('all', 'SELECT 9007199254740993 AS it');
    expect(large.rows).toEqual([{ it: 9_007_199_254_740_992 }]);
  });

  it('names the fault: a constraint, a lock, a file that is not a database, a read-only file, no file', async () => {
    await using connection = await Connection.open(name);
    await connection.do('run', 'CREATE TABLE t (x UNIQUE)');
    await connection.do('run', 'INSERT INTO t VALUES (1)');
    const twice = await connection.do('run', 'INSERT INTO t VALUES (1)');
    expect(twice.error).toMatchObject({ code: 'SQLITE_CONSTRAINT' });
    const wrong = await connection.do('all', 'SELECT x FROM nowhere');
    expect(wrong.error).toMatchObject({
      code: 'SQLITE_ERROR',
      message: 'SQLITE_ERROR: no such table: nowhere',
    });
    const { folder } = connection;
    {
      await using other = await Connection.open(name, { folder });
      await other.do('run', 'BEGIN EXCLUSIVE');
      const since = performance.now();
      const locked = await connection.do('run', 'INSERT INTO t VALUES (2)');
      expect(locked.error).toMatchObject({ code: 'SQLITE_BUSY' });
      expect(String(locked.error)).toContain('SQLITE_BUSY:'); // TypeORM looks for it
      expect(performance.now() - since).toBeLessThan(2_000);
    }
    {
      await using reader = await Connection.open(name, { folder, flags: 1 });
      const refused = await reader.do('run', 'INSERT INTO t VALUES (2)');
      expect(refused.error).toMatchObject({ code: 'SQLITE_READONLY' });
    }
    const missing = Connection.open(name, { folder: join(folder, 'missing') });
    await expect(missing).rejects.toMatchObject({ code: 'SQLITE_CANTOPEN' });
    await using broken = await Connection.open(name);
    await writeFile(join(broken.folder, 'x.db'), 'no database\n'.repeat(500));
    const read = await broken.do('all', 'SELECT * FROM sqlite_master');
    expect(read.error).toMatchObject({ code: 'SQLITE_NOTADB' });
  });
});

describe("Node's own SQLite", () => {
  it('runs statements that are issued at once, in the order of the calls', async () => {
    await using connection = await Connection.open('node');
    await connection.do('run', 'CREATE TABLE t (x)');
    const order: number[] = [];
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        await connection.do('run', 'INSERT INTO t VALUES (?)', [index]);
        order.push(index);
      }),
    );
    expect(order).toEqual(Array.from({ length: 50 }, (_, index) => index));
  });

  it.runIf(hasSqlite3Package()).each(bindings)(
    'binds %s as the package sqlite3 does',
    async (_what, value) => {
      await using node = await Connection.open('node');
      await using theirs = await Connection.open('sqlite3');
      const expected = await theirs.do('all', STORED, [value, value]);
      expect(expected.error).toBeNull();
      expect(await node.do('all', STORED, [value, value])).toEqual(expected);
    },
  );

  it('rejects statements on a closed connection, and closes it again without an error', async () => {
    await using connection = await Connection.open('node');
    await connection.close();
    const late = await connection.do('all', 'SELECT 1');
    expect(late.error).toMatchObject({ message: expect.stringContaining('the database thread') });
  });

  it('rejects pending and later statements when its thread dies; the process lives', async () => {
    const { connection, thread } = await withThread(async () => await Connection.open('node'));
    await using opened = connection;
    const asked = Array.from({ length: 5 }, () => opened.do('all', ENDLESS));
    await thread.terminate();
    for (const { error } of await Promise.all(asked)) expect(error?.message).toContain('has exited');
    expect((await opened.do('all', 'SELECT 1')).error?.message).toContain('has exited');
  });

  it('rejects values that SQLite cannot store', async () => {
    await using connection = await Connection.open('node');
    await expect(connection.do('all', 'SELECT ?', [{}])).rejects.toThrow('no value of type object');
  });
});
