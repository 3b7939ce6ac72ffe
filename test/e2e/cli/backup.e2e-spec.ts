import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { buildProgram } from '../../support/program/child-process.js';
import { endOf } from '../../support/program/command-home.js';
import { homeForEach } from '../../support/program/home-for-each.js';
import { NOWHERE, runFor } from '../../support/program/pool-commands.js';
import { newest, refreshing } from '../../support/pool/held-refresh.js';
import { isServedBy, startRanked } from '../../support/pool/ranked-accounts.js';
import type { TestPool } from '../../support/pool/pool.js';

const home = homeForEach();

/** The settings of a command that works on a pool's own folders. */
const foldersOf = (pool: TestPool) => ({
  PROXY_LISTEN_ADDR: `127.0.0.1:${pool.port}`,
  POOL_DIR: join(pool.folder, 'pool'),
  PROXY_DB_PATH: join(pool.folder, 'data', 'proxy.db'),
});

/** Extracts an archive in an empty folder of the home; returns the folder. */
async function extracted(archive: string): Promise<string> {
  const place = await mkdtemp(join(home().folder, 'restored-'));
  await promisify(execFile)('tar', ['-xpf', archive, '-C', place]);
  return place;
}

/** Whether a process with this word among its arguments has a file open whose path ends so. */
async function hasOpen(word: string, ending: string): Promise<boolean> {
  for (const pid of (await readdir('/proc')).filter((it) => /^\d+$/.test(it))) {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (!words.includes(word)) continue;
    for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => []))
      if ((await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')).endsWith(ending)) return true;
  }
  return false;
}

describe('codex-pool backup', () => {
  it('of a running pool is what a start in another folder needs', async () => {
    await using pool = await startRanked({ accounts: ['a', 'b'] });
    await pool.client.patch('/admin/accounts/b').send({ paused: true, label: 'kept' }).expect(200);
    await isServedBy(pool, 'a');
    const usage = async () => (await pool.client.get('/admin/usage').expect(200)).body.totals.turns;
    await expect.poll(usage).toBe(1);
    const archive = join(home().folder, 'all.tar.gz');
    const end = await runFor(home(), pool, ['backup', archive, '--json'], foldersOf(pool));
    expect(JSON.parse(end.stdout)).toMatchObject({
      file: archive,
      logins: 2,
      settings: false,
      database: true,
    });
    expect(end.stderr).toContain('Tokens change');
    expect(end.code).toBe(0);
    expect((await stat(archive)).mode & 0o777).toBe(0o600);

    const place = await extracted(archive);
    expect((await stat(join(place, 'pool', 'a.json'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(place, 'data', 'proxy.db'))).mode & 0o777).toBe(0o600);
    const database = new DatabaseSync(join(place, 'data', 'proxy.db'));
    expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
    database.close();

    const main = await buildProgram();
    await using restored = home().startAs(
      ['sh', '-c', `cd '${place}' && exec "${process.execPath}" '${main}'`],
      [],
      { ...pool.fakeUpstream.env, PROXY_LISTEN_ADDR: '127.0.0.1:0' },
    );
    const origin = await restored.until(
      ({ stdout }) => /^codex-pool listens on (http:\S+)$/m.exec(stdout)?.[1] ?? null,
      'the address',
    );
    const accounts: unknown = await (await fetch(`${origin}/admin/accounts`)).json();
    expect(accounts).toMatchObject([
      { name: 'a', paused: false, totals: { turns: 1 } },
      { name: 'b', paused: true, label: 'kept' },
    ]);
  }, 60_000);

  it('waits for a refresh, so that it holds the tokens that are good', async () => {
    const { pool, held, turn, before } = await refreshing();
    await using _pool = pool;
    const archive = join(home().folder, 'all.tar');
    await using child = home().start(['backup', archive, '--without-database'], foldersOf(pool));
    // It has opened the journal, whose lock the refresh holds, and so it waits.
    await expect.poll(async () => await hasOpen(archive, '.journal'), { timeout: 20_000 }).toBe(true);
    held.release();
    await turn;
    expect(await endOf(child)).toMatchObject({ code: 0 });
    const place = await extracted(archive);
    const saved = JSON.parse(await readFile(join(place, 'pool', 'a.json'), 'utf8')).tokens;
    expect(saved.refresh_token).toBe(newest(pool).refresh_token);
    expect(saved.refresh_token).not.toBe(before.tokens.refresh_token);
  }, 60_000);

  it('holds the kept tokens of a broken file', async () => {
    await using pool = await startRanked({ accounts: ['a'] });
    await writeFile(join(pool.folder, 'pool', 'a.json'), '');
    await expect
      .poll(async () => await readdir(join(pool.folder, 'pool', '.removed')).catch(() => []), {
        timeout: 10_000,
      })
      .toHaveLength(1);
    const archive = join(home().folder, 'all.tar');
    expect(await home().run(['backup', archive], foldersOf(pool))).toMatchObject({ code: 0 });
    const place = await extracted(archive);
    expect(await readdir(join(place, 'pool', '.removed'))).toEqual([
      expect.stringMatching(/^a-.*\.kept\.json$/),
    ]);
  }, 30_000);

  it('names other folders of the settings, which hold after a restore, too', async () => {
    await mkdir(join(home().folder, 'elsewhere'));
    await writeFile(join(home().folder, '.env'), 'POOL_DIR=./elsewhere\n');
    const end = await home().run(['backup', join(home().folder, 'all.tar')], NOWHERE);
    expect(end.stderr).toContain('POOL_DIR');
    expect(end).toMatchObject({ code: 0, stdout: expect.stringContaining('0 logins, .env;') });
  });

  it('never overwrites, and leaves nothing when it fails', async () => {
    await mkdir(join(home().folder, 'pool'));
    await mkdir(join(home().folder, 'data'));
    await writeFile(join(home().folder, 'data', 'proxy.db'), 'no database');
    await writeFile(join(home().folder, 'there.tar'), 'mine');
    const before = await home().tree();
    for (const [args, words, code] of [
      [['there.tar'], 'exists', 1],
      [['new.tar'], '--without-database', 1],
      [['new.zip', '--without-database'], 'ends in .tar', 2],
      [['absent/new.tar', '--without-database'], 'ENOENT', 1],
    ] as const) {
      const end = await home().run(['backup', ...args], NOWHERE);
      expect(end.stderr).toContain(words);
      expect(end.code).toBe(code);
    }
    expect(await home().tree()).toEqual(before);
    expect(await home().run(['backup', 'new.tar', '--without-database'], NOWHERE)).toMatchObject({ code: 0 });
    expect(Object.keys(await home().tree()).filter((it) => !(it in before))).toEqual(['new.tar']);
  }, 30_000);

  it('does not follow a link that dangles at its place', async () => {
    await mkdir(join(home().folder, 'pool'));
    await symlink('elsewhere.tar', join(home().folder, 'link.tar'));
    const end = await home().run(['backup', 'link.tar'], NOWHERE);
    expect(end).toMatchObject({ code: 1, stderr: expect.stringContaining('exists') });
  });
});
