import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { buildProgram } from '../../support/program/child-process.js';
import { CommandHome } from '../../support/program/command-home.js';
import { NOWHERE, runFor } from '../../support/program/pool-commands.js';
import { startRanked } from '../../support/pool/ranked-accounts.js';

const BUILD_MS = 180_000;

let home: CommandHome;
beforeAll(async () => {
  await buildProgram();
}, BUILD_MS);
beforeEach(async () => {
  home = await CommandHome.create(null);
});
afterEach(async () => {
  await home[Symbol.asyncDispose]();
});

/** Writes the login of a made-up person into the home. */
async function loginFile(name = 'new'): Promise<string> {
  await using fakeUpstream = await FakeUpstream.start({ accounts: [name] });
  const path = join(home.folder, `${name}-auth.json`);
  await writeFile(path, JSON.stringify(fakeUpstream.account(name).authJson()));
  return path;
}

describe('commands that change a running pool', () => {
  it('pause and resume an account, for a time or for good', async () => {
    await using pool = await startRanked();
    const paused = await runFor(home, pool, ['pause', 'a', '--for', '2h']);
    expect(paused).toMatchObject({ code: 0, stderr: '' });
    const before = Date.now();
    const [a] = (await pool.client.get('/admin/accounts').expect(200)).body;
    expect(a.paused).toBe(true);
    expect(Math.abs(a.pausedUntil - before - 7_200_000)).toBeLessThan(60_000);
    const resumed = await runFor(home, pool, ['resume', 'a']);
    expect(resumed.stdout).toContain('a: Ready');
    expect((await runFor(home, pool, ['pause', 'a'])).stdout).toContain('until resumed');
    expect((await pool.account('a')).pausedUntil).toBe(null);
  });

  it('refresh, poll, reset and reload', async () => {
    await using pool = await startRanked();
    const requests = () => pool.fakeUpstream.log.filter((it) => it.path.includes('oauth/token')).length;
    const before = requests();
    expect((await runFor(home, pool, ['refresh', 'a'])).stdout).toContain('a: Ready');
    expect(requests()).toBe(before + 1);
    expect((await runFor(home, pool, ['poll', 'a'])).code).toBe(0);
    expect((await runFor(home, pool, ['reset', 'a'])).code).toBe(0);
    await writeFile(join(pool.folder, 'pool', 'broken.json'), 'nonsense', { mode: 0o600 });
    const reload = await runFor(home, pool, ['reload']);
    expect(reload.stdout).toMatch(/^broken: broken/m);
    expect(reload.code).toBe(1);
  });

  it('import files and standard input, each reported, and remove an account', async () => {
    await using pool = await startRanked();
    const file = await loginFile();
    const folder = join(home.folder, 'a-folder');
    await mkdir(folder);
    const nonsense = join(home.folder, 'nonsense.txt');
    await writeFile(nonsense, 'no json');
    const several = await runFor(home, pool, ['import', file, folder, nonsense, join(home.folder, 'absent')]);
    expect(several.stdout.split('\n')).toEqual([
      expect.stringMatching(/new-auth\.json: added as account-1$/),
      expect.stringMatching(/a-folder: It is a folder/),
      expect.stringMatching(/nonsense\.txt: It is not JSON/),
      expect.stringMatching(/absent: No such file\.$/),
      '',
    ]);
    expect(several.code).toBe(1);
    expect((await pool.account('account-1')).available).toBe(true);

    const removed = await runFor(home, pool, ['remove', 'account-1', '--yes']);
    expect(removed).toMatchObject({ code: 0, stdout: expect.stringContaining('.removed') });
    expect(await readdir(join(pool.folder, 'pool'))).not.toContain('account-1.json');

    await using piped = home.startAs(
      ['sh', '-c', `exec "$0" "$@" < '${file}'`, process.execPath],
      ['import', '-', '--name', 'piped'],
      {
        PROXY_LISTEN_ADDR: `127.0.0.1:${pool.port}`,
      },
    );
    expect((await piped.ended).code).toBe(0);
    expect((await pool.account('piped')).available).toBe(true);
  });

  it('show no token and no e-mail address', async () => {
    await using pool = await startRanked();
    const secrets = JSON.parse(await readFile(join(pool.folder, 'pool', 'a.json'), 'utf8')).tokens;
    for (const args of [['accounts'], ['accounts', '--json'], ['status', '--json'], ['doctor', '--json']]) {
      const { stdout, stderr } = await runFor(home, pool, args);
      for (const it of [secrets.access_token, secrets.refresh_token, secrets.id_token])
        expect(stdout + stderr).not.toContain(it);
      expect(stdout + stderr).not.toMatch(/[\w.]+@[\w.]+/);
    }
  });
});

describe('a command that is used wrongly', () => {
  let pool: Awaited<ReturnType<typeof startRanked>>;
  beforeAll(async () => {
    pool = await startRanked();
  });
  afterAll(async () => {
    await pool[Symbol.asyncDispose]();
  });

  it.each([
    [['pause', 'a', '--for', 'soon'], 2, '--for takes a span'],
    [['pause', 'a', '--until', 'yesterday'], 2, '--until takes a time'],
    [['pause', 'a', '--until', '2001-01-01'], 2, 'is over'],
    [['pause', 'a', '--for', '1h', '--until-reset'], 2, 'Use one of'],
    [['backup', 'pool.zip'], 2, 'ends in .tar'],
    [['pause', 'unknown'], 1, 'unknown'],
    [['resume'], 2, "missing required argument 'name'"],
    [['remove', 'a'], 2, 'add --yes'],
  ])('%j ends with %i and says why', async (args, code, words) => {
    const end = await runFor(home, pool, args);
    expect(end.stderr).toContain(words);
    expect(end.code).toBe(code);
    expect((await pool.account('a')).paused).toBe(false);
  });
});

describe('commands without a running proxy', () => {
  it('work on the files where these suffice', async () => {
    expect((await home.run(['accounts'], NOWHERE)).stdout).toContain('codex-pool import FILE');
    const file = await loginFile();
    expect((await home.run(['import', file, '--name', 'work'], NOWHERE)).stdout).toContain('added as work');
    const path = join(home.folder, 'pool', 'work.json');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const again = await home.run(['import', file], NOWHERE);
    expect(again).toMatchObject({ code: 1, stdout: expect.stringContaining('work is this account already') });
    expect((await home.run(['accounts'], NOWHERE)).stdout).toMatch(/^work {2}in the pool folder/);
    expect(await home.run(['remove', 'absent', '--yes'], NOWHERE)).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/has no account absent; it has work\.$/m),
    });
    expect((await home.run(['remove', 'work', '--yes'], NOWHERE)).code).toBe(0);
    const kept = await readdir(join(home.folder, 'pool', '.removed'));
    expect(kept).toHaveLength(1);
    expect(await home.run(['pause', 'work'], NOWHERE)).toMatchObject({ code: 3 });
  });

  it('back up the logins and the settings, privately, and never overwrite', async () => {
    const file = await loginFile();
    await home.run(['import', file, '--name', 'work'], NOWHERE);
    await writeFile(join(home.folder, '.env'), 'PROXY_DEBUG=1\n');
    const archive = join(home.folder, 'pool.tgz');
    expect(await home.run(['backup', archive], NOWHERE)).toMatchObject({ code: 0 });
    expect((await stat(archive)).mode & 0o777).toBe(0o600);
    expect(await home.run(['backup', archive], NOWHERE)).toMatchObject({ code: 1 });
    const place = join(home.folder, 'restored');
    await mkdir(place);
    await promisify(execFile)('tar', ['xzf', archive, '-C', place]);
    expect(await readFile(join(place, 'pool', 'work.json'), 'utf8')).toBe(
      await readFile(join(home.folder, 'pool', 'work.json'), 'utf8'),
    );
    expect(await readFile(join(place, '.env'), 'utf8')).toBe('PROXY_DEBUG=1\n');
  });

  it('back up tokens that are only in the journal', async () => {
    await home.run(['import', await loginFile(), '--name', 'work'], NOWHERE);
    await mkdir(join(home.folder, 'pool', '.journal'));
    await writeFile(join(home.folder, 'pool', '.journal', 'work'), 'the newest tokens');
    const archive = join(home.folder, 'pool.tar');
    expect(await home.run(['backup', archive], NOWHERE)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 login'),
    });
    const { stdout } = await promisify(execFile)('tar', ['xOf', archive, 'pool/.journal/work']);
    expect(stdout).toBe('the newest tokens');
  });

  it('import two logins at once, both of which are kept', async () => {
    const files = [await loginFile('one'), await loginFile('two')];
    const ends = await Promise.all(files.map(async (it) => await home.run(['import', it], NOWHERE)));
    expect(ends.map((it) => it.code)).toEqual([0, 0]);
    expect((await readdir(join(home.folder, 'pool'))).toSorted()).toEqual([
      'account-1.json',
      'account-2.json',
    ]);
  });

  it('back up the database while the proxy writes it', async () => {
    await using pool = await startRanked({ accounts: ['a'] });
    await symlink(join(pool.folder, 'pool'), join(home.folder, 'pool'));
    const archive = join(home.folder, 'all.tar');
    const database = { PROXY_DB_PATH: join(pool.folder, 'data', 'proxy.db') };
    const end = await runFor(home, pool, ['backup', archive], database);
    expect(end.stderr).not.toMatch(/Experimental/);
    expect(end).toMatchObject({ code: 0, stdout: expect.stringContaining('1 login, the database') });
    expect(await readdir(join(pool.folder, 'data'))).not.toContainEqual(expect.stringMatching(/^\.backup/));
  });
});

describe('the command line', () => {
  it.each([
    ['nonsense', "unknown command 'nonsense'"],
    ['statu', 'Did you mean status?'],
  ])('refuses %s with code 2', async (word, words) => {
    const end = await home.run([word]);
    expect(end.stderr).toContain(words);
    expect(end.code).toBe(2);
  });

  it('lists its commands, in groups', async () => {
    const { code, stdout } = await home.run(['--help']);
    expect(stdout).toMatch(/^Run the proxy:$/m);
    expect(stdout).toMatch(/^ {2}status \[options\]/m);
    expect(code).toBe(0);
  });

  it('has every command in docs/cli.md, and no other', async () => {
    const { stdout } = await home.run(['--help']);
    const commands = [...stdout.matchAll(/^ {2}([a-z]+) /gm)].map(([, name = '']) => name);
    const text = await readFile(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
    const rows = [...text.matchAll(/^\| (`[a-z].*?) \| /gm)].map(([, cell = '']) => cell);
    const names = rows.flatMap((it) => [...it.matchAll(/`([a-z]+)/g)].map(([, name = '']) => name));
    expect(names.toSorted()).toEqual(commands.filter((it) => it !== 'help').toSorted());
  });
});
