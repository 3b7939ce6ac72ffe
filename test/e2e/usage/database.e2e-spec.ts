import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import sqlite3 from 'sqlite3';
import { describe, expect, it } from 'vitest';
import type { CustomHandler } from '../../../src/fake-upstream/script/scripted-response.js';
import { custom, streams } from '../../../src/fake-upstream/script/responses.js';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import {
  completed,
  created,
  delta,
  framed,
  type TurnUsage,
} from '../../../src/fake-upstream/script/turn-events.js';
import { databaseDrivers, type TestedDriver, using } from '../../support/program/database-drivers.js';
import { OpenStream } from '../../support/clients/open-stream.js';
import { OtherProgram } from '../../support/disk/database-process.js';
import { TestPool } from '../../support/pool/pool.js';
import { call, type RawResponse } from '../../support/clients/raw-http.js';
import { Folders, recordsIn, Talk } from '../../support/program/usage-program.js';

const usage: TurnUsage = { input: 1_001, cached: 903, output: 57, reasoning: 21 };

/** Longer than a slow machine needs for a first byte, and shorter than a wait for the database. */
const TIMING_BOUND_MS = 250;

/** How long a backup, or a person with an SQLite shell, may hold the lock. */
const LOCKED_MS = 30_000;

/** Runs a turn on a new connection, closed after it. The connections are collected for counting. */
function onNewConnections(connections: Set<Socket>): CustomHandler {
  return (req, res) => {
    connections.add(req.socket);
    res.writeHead(200, { connection: 'close' });
    res.end([created(), delta('words'), completed(usage)].map((it) => framed(it)).join(''));
  };
}

/** Two threads for blocking work: if the database held both, no host name would resolve. */
const FEW_THREADS = { UV_THREADPOOL_SIZE: '2' };

async function byHostName(fakeUpstream: FakeUpstream, driver: TestedDriver): Promise<Folders> {
  const env = Object.entries(fakeUpstream.env).map(([name, value]) => [
    name,
    value.replace('127.0.0.1', 'localhost'),
  ]);
  return await Folders.create(fakeUpstream, ['a'], {
    ...Object.fromEntries(env),
    ...FEW_THREADS,
    ...using(driver),
  });
}

/** Runs turns and returns how long each waited for its first byte, in ms. */
async function firstBytes(program: Talk, count: number): Promise<number[]> {
  const waits: number[] = [];
  for (let i = 0; i < count; i += 1) {
    const sentAt = performance.now();
    const exchange = program.send({ 'session-id': `s${i}` });
    const response = await exchange.whole();
    expect(response).toMatchObject({ status: 200, isBroken: false });
    waits.push((exchange.pieces[0]?.at ?? Infinity) - sentAt);
  }
  return waits;
}

const max = (numbers: readonly number[]): number => Math.max(...numbers);
const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN;

const summary = (what: string, waits: readonly number[]): string =>
  `${what}: median ${median(waits).toFixed(1)} max ${max(waits).toFixed(1)} ms of ${waits.length}`;

async function served(turn: Promise<RawResponse>): Promise<void> {
  expect(await turn).toMatchObject({ status: 200, isBroken: false });
}

const isTroubled = (health: { details: { usage: { trouble: unknown } } }): boolean =>
  health.details.usage.trouble !== null;

describe.each(databaseDrivers)(
  'a database that is locked for a while (%s)',
  { timeout: 30_000 },
  (driver) => {
    it(
      'for 30 s makes no stream wait, nor a new connection by host name, and loses nothing',
      { timeout: 90_000 },
      async () => {
        await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
        const connections = new Set<Socket>();
        fakeUpstream.account('a').always(custom(onNewConnections(connections)));
        await using folders = await byHostName(fakeUpstream, driver);
        const program = await folders.start();
        await firstBytes(program, 10);
        const before = await firstBytes(program, 20);
        await program.untilRecorded(30);
        const begin = async (session: string) =>
          await OpenStream.begin(fakeUpstream.account('a'), program, session, usage);
        const opened = [await begin('early'), await begin('also early')];
        const piecesBefore: number[] = [];
        for (let i = 0; i < 20; i += 1) for (const it of opened) piecesBefore.push(await it.piece());
        const whileLocked: number[] = [];
        const piecesWhileLocked: number[] = [];
        {
          await using other = await OtherProgram.open(folders.database);
          await other.run('BEGIN EXCLUSIVE');
          const lockedAt = performance.now();
          opened.push(await begin('late'));
          // Real time: the other process makes the driver wait for the lock, and no stream may wait for that.
          while (performance.now() - lockedAt < LOCKED_MS) {
            whileLocked.push(...(await firstBytes(program, 1)));
            for (const it of opened) piecesWhileLocked.push(await it.piece());
            await pause(LOCKED_MS / 200);
          }
          const health = await program.untilHealth(isTroubled, 'the report of the lock');
          expect(health.status).toBe('degraded');
          expect(health.details.usage.pending).toBeGreaterThanOrEqual(whileLocked.length);
          await other.run('ROLLBACK');
        }
        process.stdout.write(
          `${summary('first byte', before)}, ${summary('locked', whileLocked)}; ` +
            `${summary('piece', piecesBefore)}, ${summary('locked', piecesWhileLocked)}\n`,
        );
        expect(max(whileLocked)).toBeLessThan(max(before) + TIMING_BOUND_MS);
        expect(max(piecesWhileLocked)).toBeLessThan(max(piecesBefore) + TIMING_BOUND_MS);
        expect(connections.size).toBe(30 + whileLocked.length);
        for (const it of opened) {
          const { response, sent } = await it.end();
          expect(response.body.toString()).toBe(sent);
          expect(response.isBroken).toBe(false);
        }
        const turns = 30 + whileLocked.length + opened.length;
        await program.untilRecorded(turns);
        expect(await program.health()).toMatchObject({
          status: 'up',
          details: { usage: { dropped: 0, trouble: null } },
        });
        const { totals } = await program.json('/admin/usage');
        expect(totals).toMatchObject({ turns, input: turns * usage.input });
        await program.stop();
        expect(await folders.records()).toHaveLength(turns);
      },
    );

    it('delays shutdown, so that the last batch still reaches the disk', async () => {
      await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
      fakeUpstream.account('a').always(streams({ usage }));
      await using folders = await Folders.create(fakeUpstream, ['a'], using(driver));
      const program = await folders.start();
      await served(program.turn());
      await program.untilRecorded(1);
      {
        await using other = await OtherProgram.open(folders.database);
        await other.run('BEGIN EXCLUSIVE');
        await served(program.turn());
        program.child.kill('SIGTERM');
        // Longer than a statement waits for a lock, shorter than the time limit for writes on shutdown.
        const late = new Promise((resolve) => setTimeout(resolve, 2_000));
        await Promise.race([program.child.ended, late]);
        await other.run('ROLLBACK');
      }
      expect(await program.child.ended).toEqual({ code: 0, signal: null });
      expect(await folders.records()).toHaveLength(2);
    });
  },
);

const fileOf = (pool: TestPool): string => join(pool.folder, 'data', 'proxy.db');
const parts = ['', '-wal', '-shm'];

async function started(driver: TestedDriver, env: Readonly<Record<string, string>> = {}): Promise<TestPool> {
  return await TestPool.start({
    accounts: ['a'],
    env: { ...using(driver), ...env },
    prepare: (fakeUpstream) => void fakeUpstream.account('a').always(streams({ usage })),
  });
}

/** Each way to lose a database, and how to restore it. */
const losses: [
  string,
  { lose: (file: string) => Promise<void>; bringBack: (file: string) => Promise<void> },
][] = [
  [
    'its folder is replaced by a file',
    {
      lose: async (file) => {
        await rename(dirname(file), `${dirname(file)}-aside`);
        await writeFile(dirname(file), 'no folder');
      },
      bringBack: async (file) => {
        await rm(dirname(file));
        await rename(`${dirname(file)}-aside`, dirname(file));
      },
    },
  ],
  [
    'its file is replaced by a folder',
    {
      lose: async (file) => {
        for (const it of parts) await rename(file + it, `${file}.aside${it}`);
        await mkdir(file);
      },
      bringBack: async (file) => {
        await rm(file, { recursive: true });
        for (const it of parts)
          if (existsSync(`${file}.aside${it}`)) await rename(`${file}.aside${it}`, file + it);
      },
    },
  ],
];

describe.each(databaseDrivers)('a database that goes away (%s)', { timeout: 30_000 }, (driver) => {
  it.each(losses)(
    'because %s: turns go on, /healthz reports it, and nothing is lost',
    async (_how, { lose, bringBack }) => {
      await using pool = await started(driver);
      const program = new Talk(pool.origin);
      const before = await firstBytes(program, 10);
      await program.untilRecorded(10);
      await lose(fileOf(pool));
      const without = await firstBytes(program, 10);
      const health = await program.untilHealth(isTroubled, 'the report of the database');
      expect(health.status).toBe('degraded');
      expect((await call(pool.origin, { path: '/admin/usage' })).status).toBe(503);
      without.push(...(await firstBytes(program, 10)));
      expect(max(without)).toBeLessThan(max(before) + TIMING_BOUND_MS);
      await bringBack(fileOf(pool));
      await program.untilRecorded(30);
      expect((await program.health()).status).toBe('up');
      await pool.running.stop();
      expect(await recordsIn(fileOf(pool))).toHaveLength(30);
    },
  );

  it('because another file replaces it continues in the new file', async () => {
    await using pool = await started(driver);
    const program = new Talk(pool.origin);
    await firstBytes(program, 3);
    await program.untilRecorded(3);
    const copy = await started(driver);
    await copy.running.stop();
    await rename(fileOf(copy), fileOf(pool));
    for (const it of ['-wal', '-shm']) await rm(fileOf(pool) + it, { force: true });
    await copy[Symbol.asyncDispose]();
    await firstBytes(program, 2);
    await program.untilRecorded(2);
    await pool.running.stop();
    expect(await recordsIn(fileOf(pool))).toHaveLength(2);
  });

  it('because its file is deleted is created again, and turns go on', async () => {
    await using pool = await started(driver);
    const program = new Talk(pool.origin);
    const before = await firstBytes(program, 10);
    await program.untilRecorded(10);
    for (const it of parts) await rm(fileOf(pool) + it, { force: true });
    const after = await firstBytes(program, 10);
    expect(max(after)).toBeLessThan(max(before) + TIMING_BOUND_MS);
    await program.untilRecorded(10);
    expect(pool.logger.lines.join()).toContain('the database file is gone');
    await pool.running.stop();
    expect(await recordsIn(fileOf(pool))).toHaveLength(10);
  });

  it('before startup, with a folder under its name: turns are served, and it comes back', async () => {
    const first = await started(driver);
    await first.running.stop();
    for (const it of parts) await rm(fileOf(first) + it, { force: true });
    await mkdir(fileOf(first));
    await using pool = await first.restart();
    const program = new Talk(pool.origin);
    await served(program.turn());
    const health = await program.untilHealth(isTroubled, 'the report of the database');
    expect(health).toMatchObject({ status: 'degraded', details: { usage: { pending: expect.any(Number) } } });
    await served(program.turn());
    await rm(fileOf(pool), { recursive: true });
    await program.untilRecorded(2);
    expect((await program.health()).status).toBe('up');
  });
});

describe.each(databaseDrivers)('a disk that is full (%s)', { timeout: 30_000 }, (driver) => {
  it('while the program runs: turns go on, /healthz reports it, and everything is recorded once space is free', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    fakeUpstream.account('a').always(streams({ usage }));
    await using folders = await Folders.create(fakeUpstream, ['a'], using(driver));
    const program = await folders.start();
    await served(program.turn());
    await program.untilRecorded(1);
    const limitFiles = async (bytes: string) =>
      await promisify(execFile)('prlimit', ['--pid', String(program.pid), `--fsize=${bytes}:unlimited`]);
    await limitFiles('4096');
    for (let i = 0; i < 10; i += 1) await served(program.turn());
    const health = await program.untilHealth(isTroubled, 'the report of the disk');
    expect(health).toMatchObject({ status: 'degraded', details: { usage: { dropped: 0 } } });
    for (let i = 0; i < 10; i += 1) await served(program.turn());
    await limitFiles('unlimited');
    await program.untilRecorded(21);
    expect((await program.health()).status).toBe('up');
    expect(await program.stop()).toEqual({ code: 0, signal: null });
    expect(await folders.records()).toHaveLength(21);
  });

  it('from the start: turns are served, /healthz reports it, and the program stops cleanly', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    await using folders = await Folders.create(fakeUpstream, ['a'], using(driver));
    const program = await folders.start('ulimit -f 4');
    for (let i = 0; i < 3; i += 1) await served(program.turn());
    const health = await program.untilHealth(isTroubled, 'the report of the disk');
    expect(health.status).toBe('degraded');
    expect(await program.stop()).toEqual({ code: 0, signal: null });
    expect(program.log).toMatch(/some rows could not be written before shutdown/);
  });
});

/** Runs a program that leaves records and stops cleanly; the caller starts it again. */
async function ended(driver: TestedDriver, turns: number): Promise<TestPool> {
  const pool = await started(driver);
  const program = new Talk(pool.origin);
  for (let i = 0; i < turns; i += 1) await served(program.turn({ 'session-id': `s${i}` }));
  await pool.running.stop();
  return pool;
}

const aside = async (pool: TestPool): Promise<string[]> =>
  (await readdir(join(pool.folder, 'data'))).filter(
    (it) => it.includes('.damaged-') && !/-(wal|shm)$/.test(it),
  );

describe.each(databaseDrivers)('a database file that cannot be used (%s)', { timeout: 30_000 }, (driver) => {
  it('because it is not a database is set aside unchanged and logged, and a new one is created', async () => {
    const first = await ended(driver, 0);
    const text = 'this is not a database, but may be of value\n'.repeat(500);
    await writeFile(fileOf(first), text);
    await using pool = await first.restart();
    const program = new Talk(pool.origin);
    await served(program.turn());
    await program.untilRecorded(1);
    expect((await program.health()).status).toBe('up');
    const kept = await aside(pool);
    expect(kept).toHaveLength(1);
    expect(await readFile(join(pool.folder, 'data', kept[0] ?? ''), 'utf8')).toBe(text);
    expect(pool.logger.lines.join()).toContain('setting it aside and creating a new one');
    await pool.running.stop();
    expect(await recordsIn(fileOf(pool))).toHaveLength(1);
  });

  it.each(['all its tables', 'the rows of turns'])(
    'because %s are overwritten is set aside, and a new one started',
    async (what) => {
      const first = await ended(driver, 5);
      const { size } = await stat(fileOf(first));
      const afterTheFirst = Array.from({ length: size / 4_096 - 1 }, (_, index) => index + 1);
      const pages = what === 'all its tables' ? afterTheFirst : await pagesOf(fileOf(first), 'usage_record');
      await overwrite(fileOf(first), pages);
      await using pool = await first.restart();
      const program = new Talk(pool.origin);
      await served(program.turn({ 'session-id': 'new' }));
      await program.untilRecorded(1);
      expect((await program.health()).status).toBe('up');
      expect(await aside(pool)).toHaveLength(1);
      expect(pool.logger.lines.join()).toContain('setting it aside and creating a new one');
      await pool.running.stop();
      expect(await recordsIn(fileOf(pool))).toHaveLength(1);
    },
  );

  it('because it is damaged and cannot be set aside: turns are served, /healthz reports it', async () => {
    // With the suffix for setting it aside, this name would exceed the limit for file names.
    const folder = await mkdtemp(join(tmpdir(), 'codex-pool-usage-'));
    try {
      const path = join(folder, `${'n'.repeat(240)}.db`);
      await writeFile(path, 'this is no database\n'.repeat(500));
      await using pool = await started(driver, { PROXY_DB_PATH: path });
      const program = new Talk(pool.origin);
      await served(program.turn());
      const health = await program.untilHealth(isTroubled, 'the report of the database');
      expect(health.status).toBe('degraded');
      expect((await call(pool.origin, { path: '/admin/usage' })).status).toBe(503);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each(['WAL', 'DELETE'])(
    'because it comes from a newer version (journal mode %s) stays unchanged, and turns are served',
    async (mode) => {
      await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
      await using folders = await Folders.create(fakeUpstream, ['a'], using(driver));
      {
        await using other = await ended(driver, 1);
        await mkdir(folders.data);
        await rename(fileOf(other), folders.database);
      }
      {
        await using other = await OtherProgram.open(folders.database);
        await other.run(`PRAGMA journal_mode = ${mode}`);
        await other.run(
          `INSERT INTO migrations (timestamp, name) VALUES (4102444800000, 'Later4102444800000')`,
        );
      }
      const fingerprint = async () =>
        createHash('sha256')
          .update(await readFile(folders.database))
          .digest('hex');
      const before = await fingerprint();
      const program = await folders.start();
      await served(program.turn());
      const health = await program.health();
      expect(health.status).toBe('degraded');
      expect(health.details.usage.trouble).toMatch(/newer version of codex-pool \(Later4102444800000\)/);
      expect((await call(program.origin, { path: '/admin/usage' })).status).toBe(503);
      expect(await program.stop()).toEqual({ code: 0, signal: null });
      expect(program.log.match(/the database was created by a newer version/g)).toHaveLength(1);
      expect(await fingerprint()).toBe(before);
      expect((await readdir(folders.data)).filter((it) => it.includes('damaged'))).toEqual([]);
    },
  );
});

/** Returns the first pages (from 0) of a table and its indexes. */
async function pagesOf(path: string, table: string): Promise<number[]> {
  const connection = new sqlite3.Database(path, sqlite3.OPEN_READONLY);
  await once(connection, 'open');
  const done = Promise.withResolvers<{ rootpage: number }[]>();
  connection.all<{ rootpage: number }>(
    'SELECT rootpage FROM sqlite_master WHERE tbl_name = ?',
    table,
    (error, rows) => (error === null ? done.resolve(rows) : done.reject(error)),
  );
  const rows = await done.promise;
  const closed = Promise.withResolvers<void>();
  connection.close(() => closed.resolve());
  await closed.promise;
  return rows.map((it) => it.rootpage - 1);
}

/** Overwrites pages (from 0) with garbage. */
async function overwrite(path: string, pages: readonly number[]): Promise<void> {
  const file = await open(path, 'r+');
  try {
    for (const page of pages) await file.write(Buffer.alloc(4_096, 0xa5), 0, 4_096, page * 4_096);
  } finally {
    await file.close();
  }
}
