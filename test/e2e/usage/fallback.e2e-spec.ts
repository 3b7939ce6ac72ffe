import { cp, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { streams } from '../../../src/fake-upstream/script/responses.js';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { Child } from '../../codex/support/child.js';
import { buildProgram } from '../../support/program/child-process.js';
import { databaseDrivers } from '../../support/program/database-drivers.js';
import { Folders, recordsIn, RunningProgram } from '../../support/program/usage-program.js';

const packages = fileURLToPath(new URL('../../../node_modules', import.meta.url));
const usage = { input: 1_001, cached: 903, output: 57, reasoning: 21 };
const PREBUILT = join('build', 'Release', 'node_sqlite3.node');

const remove = async (folder: string) => await rm(folder, { recursive: true });

/** Reasons why the package cannot load, and the first line of the resulting error. */
const absences: [string, { spoil: (folder: string) => Promise<void>; reason: RegExp }][] = [
  [
    'is not installed',
    {
      spoil: remove,
      reason: /Cannot find (module|package) 'sqlite3'/,
    },
  ],
  [
    'has no binary',
    {
      spoil: async (it) => await rm(join(it, 'build'), { recursive: true }),
      reason: /Could not locate the bindings file/,
    },
  ],
  [
    'has a binary that does not load here',
    {
      spoil: async (it) => await writeFile(join(it, PREBUILT), 'made for another machine'),
      reason: /file too short|invalid ELF header|not a mach-o|not a valid Win32/i,
    },
  ],
];

/** The built program with a private copy of its packages, in which sqlite3 is broken. */
class Installation implements AsyncDisposable {
  readonly #children: Child[] = [];

  private constructor(
    private readonly folder: string,
    private readonly fakeUpstream: FakeUpstream,
  ) {}

  static async create(
    fakeUpstream: FakeUpstream,
    spoil: (sqlite3: string) => Promise<void>,
  ): Promise<Installation> {
    const folder = await mkdtemp(join(tmpdir(), 'codex-pool-fallback-'));
    const build = dirname(dirname(await buildProgram()));
    await cp(build, folder, { recursive: true });
    const own = join(folder, 'node_modules');
    await mkdir(own);
    for (const name of await readdir(packages))
      if (name !== 'sqlite3' && !name.startsWith('.')) await symlink(join(packages, name), join(own, name));
    await cp(join(packages, 'sqlite3'), join(own, 'sqlite3'), {
      recursive: true,
      filter: (it) => !/sqlite3\/(src|deps)$/.test(it),
    });
    await spoil(join(own, 'sqlite3'));
    await mkdir(join(folder, 'pool'));
    await writeFile(join(folder, 'pool', 'a.json'), JSON.stringify(fakeUpstream.account('a').authJson()), {
      mode: 0o600,
    });
    return new Installation(folder, fakeUpstream);
  }

  get database(): string {
    return join(this.folder, 'data', 'proxy.db');
  }

  spawn(env: Readonly<Record<string, string>> = {}): Child {
    const child = new Child(process.execPath, [join(this.folder, 'dist', 'main.js')], {
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: this.folder,
        PROXY_LISTEN_ADDR: '127.0.0.1:0',
        ...this.fakeUpstream.env,
        ...env,
      },
      cwd: this.folder,
    });
    this.#children.push(child);
    return child;
  }

  async start(): Promise<RunningProgram> {
    const child = this.spawn();
    const origin = () => /^codex-pool listens on (http:\/\/\S+:[1-9]\d*)$/m.exec(child.stdout)?.[1] ?? null;
    return new RunningProgram(child, await child.until(origin, 'the program to listen'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const it of this.#children) await it.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

describe('a machine on which the package sqlite3', { timeout: 60_000 }, () => {
  it.each(absences)(
    "%s starts on Node's own SQLite, says so once, records turns, and reads them back",
    async (_how, { spoil, reason }) => {
      await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
      fakeUpstream.account('a').always(streams({ usage }));
      await using installation = await Installation.create(fakeUpstream, spoil);
      const first = await installation.start();
      expect((await first.turn()).status).toBe(200);
      await first.untilRecorded(1);
      const health = await first.health();
      expect(health).toMatchObject({ status: 'up', details: { usage: { driver: 'node', trouble: null } } });
      expect(health.details.usage.driverFallback).toMatch(reason);
      expect(health.details.usage.driverFallback).not.toContain('\n');
      expect(await first.stop()).toEqual({ code: 0, signal: null });
      expect(first.log.match(/database driver/g)).toHaveLength(1);
      expect(first.log).toMatch(reason);
      expect(first.log).not.toContain('ExperimentalWarning');
      const second = await installation.start();
      expect((await second.turn()).status).toBe(200);
      await second.untilRecorded(2);
      await second.kill9();
      expect(await recordsIn(installation.database)).toHaveLength(2);
    },
  );

  it('is not installed does not start if the setting requires that driver, and says why', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    await using installation = await Installation.create(fakeUpstream, remove);
    const child = installation.spawn({ PROXY_SQLITE_DRIVER: 'sqlite3' });
    expect(await child.ended).toEqual({ code: 1, signal: null });
    expect(child.stderr).toMatch(
      /^codex-pool cannot start: PROXY_SQLITE_DRIVER is sqlite3, but .*does not load/m,
    );
    expect(child.stderr).not.toMatch(/^\s+at /m);
  });
});

describe('a database file', { timeout: 60_000 }, () => {
  it.each(databaseDrivers)('that %s has written is read and written by the other driver', async (writer) => {
    const other = writer === 'node' ? 'sqlite3' : 'node';
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    fakeUpstream.account('a').always(streams({ usage }));
    await using folders = await Folders.create(fakeUpstream, ['a']);
    for (const [turns, driver] of [writer, other, writer].entries()) {
      const program = await folders.start(`export PROXY_SQLITE_DRIVER=${driver}`);
      expect((await program.health()).details.usage).toMatchObject({ driver, driverFallback: null });
      expect((await program.turn()).status).toBe(200);
      await program.untilRecorded(turns + 1);
      await program.kill9(); // leaves a journal for the other driver to read
    }
    const [bySqlite3, byNode] = await Promise.all([
      recordsIn(folders.database, 'sqlite3'),
      recordsIn(folders.database, 'node'),
    ]);
    expect(bySqlite3).toHaveLength(3);
    expect(byNode).toEqual(bySqlite3);
  });
});
