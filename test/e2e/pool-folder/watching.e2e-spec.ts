import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { rateLimit } from '../../../src/fake-upstream/script/refusals.js';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import { caughtUp, eventually, said, stateOf } from '../../support/pool/pool-files.js';
import { fileOf } from '../../support/pool/held-refresh.js';
import { Folders } from '../../support/program/usage-program.js';

const tokenOf = (pool: TestPool, name: string): string | undefined =>
  pool.registry
    .list()
    .find((it) => it.name === name)
    ?.storedCredential.credential.accessToken.reveal();

const watchers = (): number => process.getActiveResourcesInfo().filter((it) => it.includes('FSEvent')).length;

describe('a link in the pool folder', () => {
  it('that is added later is followed, however its target changes', async () => {
    await using pool = await TestPool.start({ accounts: ['b'] });
    await polled(pool);
    const account = pool.fakeUpstream.addAccount({ name: 'a' });
    const home = join(pool.folder, 'codex-home');
    const target = join(home, 'auth.json');
    await mkdir(home);
    await writeFile(target, JSON.stringify(account.authJson()), { mode: 0o600 });
    await symlink(target, fileOf(pool, 'a'));
    await eventually(() => stateOf(pool)).toEqual({ a: null, b: null });
    const [a] = pool.registry.list();
    const changes: ((text: string) => Promise<void>)[] = [
      (text) => writeFile(target, text),
      async (text) => {
        await writeFile(`${target}.new`, text, { mode: 0o600 });
        await rename(`${target}.new`, target);
      },
      (text) => writeFile(target, text), // the file is another one by now
      async (text) => {
        await rm(target);
        await writeFile(target, text, { mode: 0o600 });
      },
      (text) => writeFile(target, text),
      async (text) => {
        await rm(fileOf(pool, 'a')); // no longer a link
        await writeFile(fileOf(pool, 'a'), text, { mode: 0o600 });
      },
      (text) => writeFile(fileOf(pool, 'a'), text),
    ];
    for (const change of changes) {
      const login = account.loginAgain();
      await change(JSON.stringify(login));
      await eventually(() => tokenOf(pool, 'a')).toBe(login.tokens.access_token);
    }
    expect(pool.registry.list()[0]).toBe(a);
    expect(pool.fakeUpstream.tokens.requests).toEqual([]);
    expect(said(pool, 'credential file cannot be used')).toEqual([]);
  });
});

describe('the pool folder', () => {
  it.each([
    ['another folder', async () => undefined],
    ['a file for a while, and then another folder', async (path: string) => writeFile(path, 'no folder')],
  ])('is still watched after it is replaced by %s', async (_what, between) => {
    await using pool = await TestPool.start();
    await polled(pool);
    const folder = join(pool.folder, 'pool');
    const login = await pool.readAuth('a');
    await rm(folder, { recursive: true });
    await between(folder);
    await eventually(() => said(pool, 'the pool folder cannot be read').length).toBeGreaterThan(0);
    await pool.client.get('/healthz').expect(200);
    await rm(folder, { force: true });
    await mkdir(folder); // fails if we had made one ourselves
    await pool.writeAuth('a', login);
    await eventually(() => stateOf(pool)).toEqual({ a: null });
    await pool.writeAuth('c', pool.fakeUpstream.addAccount({ name: 'c' }).authJson());
    await eventually(() => stateOf(pool)).toEqual({ a: null, c: null });
    await pool.turn().expect(200);
    expect(said(pool, 'the pool folder can be read again')).toHaveLength(1);
  });

  it(
    'is checked periodically when it cannot be watched, and the warning is logged once',
    { timeout: 60_000 },
    async () => {
      await using fakeUpstream = await FakeUpstream.start({ accounts: ['a', 'b'] });
      await using folders = await Folders.create(fakeUpstream, ['a']);
      const none = 'echo 0 > /proc/sys/user/max_inotify_watches; exec "$@"';
      const program = await folders.start(`shift; set -- x unshare -Ur sh -c '${none}' sh "$@"`);
      const talk = program;
      const warnings = () => program.child.stdout.split('cannot be watched').length - 1;
      await eventually(warnings).toBe(1);
      expect((await talk.health()).status).toBe('up');
      const text = JSON.stringify(fakeUpstream.account('b').authJson());
      await writeFile(join(folders.path, 'pool', 'b.json'), text, { mode: 0o600 });
      await talk.untilHealth((it) => it.details.pool.accounts === 2, 'the new account');
      expect(warnings()).toBe(1);
    },
  );

  it('stays watched when another folder replaces it between two checks', async () => {
    await using pool = await TestPool.start({ accounts: [] });
    await caughtUp(pool, 'mark');
    await rm(fileOf(pool, 'mark'));
    await eventually(() => stateOf(pool)).toEqual({}); // no check is due now, and nothing in the folder can change
    const folder = join(pool.folder, 'pool');
    await mkdir(`${folder}-2`);
    await rename(folder, `${folder}-1`);
    await rename(`${folder}-2`, folder);
    await pool.writeAuth('c', pool.fakeUpstream.addAccount({ name: 'c' }).authJson());
    await eventually(() => stateOf(pool)).toEqual({ c: null });
    expect(said(pool, 'account added')).toHaveLength(1);
  });

  it('is left alone after shutdown', async () => {
    await using pool = await TestPool.start();
    await eventually(watchers).toBeGreaterThan(0);
    await pool.running.stop();
    expect(watchers()).toBe(0);
  });
});

describe('changes', () => {
  it('of 200 files at once are read in a few readings', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `n${1_000 + index}`);
    await using pool = await TestPool.start({ accounts: names });
    await eventually(() => pool.registry.list().length).toBe(200);
    const reload = vi.spyOn(pool.registry, 'reload');
    const startedAt = performance.now();
    for (const name of names) await pool.writeAuth(name, pool.fakeUpstream.account(name).loginAgain());
    await eventually(() => said(pool, 'account updated').length).toBe(200);
    await caughtUp(pool, 'mark');
    // One reading per two seconds on any machine, plus the first and the last.
    expect(reload.mock.calls.length).toBeLessThanOrEqual((performance.now() - startedAt) / 2_000 + 3);
    expect(said(pool, 'account updated')).toHaveLength(200);
  });

  it('by the program itself cause no reading', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    pool.fakeUpstream.account('a').always(rateLimit(300));
    pool.fakeUpstream.account('b').expireAccessToken();
    await caughtUp(pool, 'before');
    const lines = pool.logger.lines.length;
    const reload = vi.spyOn(pool.registry, 'reload');
    await pool.turn().expect(200); // b's file is written
    pool.fakeUpstream.account('b').always(rateLimit(300));
    await pool.turn().expect(503); // b has a cooldown before the watcher reports the change
    const before = pool.registry.list().map((it) => [it, it.evidence, it.storedCredential]);
    await caughtUp(pool, 'mark');
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
    const phrases = pool.logger.lines.slice(lines).map((it) => it.match(/"message":"([^"]*)"/)?.[1]);
    expect(phrases.filter((it) => !it?.startsWith('request') && !it?.startsWith('attempt'))).toEqual([
      'account is unavailable',
      'token refreshed',
      'account is unavailable',
      'no account could serve',
      'credential file cannot be used', // the mark
    ]);
    for (const [index, it] of pool.registry.list().entries()) {
      expect(before[index]?.[0]).toBe(it);
      expect(before[index]?.[1]).toBe(it.evidence);
      expect(before[index]?.[2]).toBe(it.storedCredential);
    }
    expect(reload.mock.calls.length).toBeLessThanOrEqual(2); // for our own write, and for the mark
  });
});
