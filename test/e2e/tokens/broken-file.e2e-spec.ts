import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { completed, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { CredentialStore } from '../../../src/tokens/credential-store.js';
import { FolderCleanupCron } from '../../../src/tokens/folder-cleanup.cron.js';
import { TokenService } from '../../../src/tokens/token.service.js';
import { DAY, FakeClock } from '../../support/fake-clock.js';
import { send } from '../../support/clients/raw-client.js';
import { polled } from '../../support/pool/first-poll.js';
import { ALMOST, fileOf, LONG_SECONDS, newest, refreshing } from '../../support/pool/held-refresh.js';
import { eventually, said, stateOf } from '../../support/pool/pool-files.js';
import { TestPool } from '../../support/pool/pool.js';

/** The files in `.removed/` that hold these tokens, or any. */
async function kept(pool: TestPool, token = ''): Promise<string[]> {
  const folder = join(pool.folder, 'pool', '.removed');
  const names = await readdir(folder).catch(() => []);
  const texts = await Promise.all(names.map(async (it) => await readFile(join(folder, it), 'utf8')));
  return names.filter((_it, index) => texts[index]?.includes(token));
}

/** A pool with accounts a and b, whose file of a is broken, and shown as such. */
async function broken(text = ''): Promise<TestPool> {
  const pool = await TestPool.start();
  await polled(pool);
  await writeFile(fileOf(pool, 'a'), text);
  await pool.client.post('/admin/reload').expect(200);
  return pool;
}

const restore = (pool: TestPool) => pool.client.post('/admin/accounts/a/refresh');

describe('a credential file that another program has broken', { timeout: 30_000 }, () => {
  it.each([
    ['empty', '', 'the file is empty'],
    ['no JSON', '{"tokens": {', 'the file is not JSON'],
    ['without tokens', '{}', /^the file has no tokens/],
  ])('and that is now %s leaves its tokens in .removed, and says so', async (_how, text, reason) => {
    await using pool = await broken(text);
    const [copy, ...more] = await kept(pool, newest(pool).refresh_token);
    expect(more).toEqual([]);
    const path = join(pool.folder, 'pool', '.removed', copy ?? '');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(path, '..'))).mode & 0o777).toBe(0o700);
    const { last_refresh, tokens } = JSON.parse(await readFile(path, 'utf8'));
    expect(tokens).toEqual(newest(pool));
    expect(Date.parse(last_refresh)).toBeGreaterThan(0);
    const view = await pool.account('a');
    expect(view.reason).toMatch(reason);
    expect(view.warnings).toEqual([expect.stringContaining(`.removed/${copy}`)]);
    const { body } = await pool.client.post('/admin/accounts/a/poll').expect(404);
    expect(body.detail).toContain(`kept in .removed/${copy}; POST /admin/accounts/a/refresh`);
    expect(said(pool, 'another program has broken the credential file; its last tokens are kept')).toEqual([
      expect.stringContaining(copy ?? ''),
    ]);
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['b']);
  });

  it('gets its tokens back at the operator’s request, and a copy of its text stays', async () => {
    await using pool = await broken('{"a note": "mine"');
    const { body } = await restore(pool).expect(200);
    expect(body).toMatchObject({ name: 'a', available: true, warnings: [] });
    expect((await pool.readAuth('a')).tokens).toMatchObject(newest(pool));
    expect(await kept(pool, 'a note')).toHaveLength(1);
    expect(pool.fakeUpstream.tokens.requests).toEqual([]);
    await restore(pool).expect(200); // an ordinary refresh
    expect((await pool.readAuth('a')).tokens).toMatchObject(newest(pool));
    expect(pool.fakeUpstream.tokens).toMatchObject({ reuses: 0, requests: [{ account: 'a' }] });
  });

  it('gets them back after a restart, too', async () => {
    await using first = await broken();
    const pool = await first.restart();
    try {
      expect((await pool.account('a')).warnings).toEqual([expect.stringContaining('.removed/a-')]);
      await restore(pool).expect(200);
      expect((await pool.readAuth('a')).tokens).toMatchObject(newest(pool));
      await restore(pool).expect(200);
      // Used since, so it must not come back.
      await writeFile(fileOf(pool, 'a'), '');
      const again = await pool.restart();
      expect(await again.account('a')).toMatchObject({ reason: 'the file is empty', warnings: [] });
      await restore(again).expect(404);
      expect(pool.fakeUpstream.tokens.reuses).toBe(0);
      await again.running.stop();
    } finally {
      await pool.running.stop();
    }
  });

  it.each(['in this process', 'after a restart'])(
    'gets its own newer tokens when an older copy comes, %s',
    async (when) => {
      await using first = await TestPool.start();
      await polled(first);
      const old = await first.readAuth('a');
      await restore(first).expect(200); // a refresh
      await writeFile(fileOf(first, 'a'), '');
      await first.client.post('/admin/reload').expect(200);
      if (when === 'after a restart') await writeFile(fileOf(first, 'a'), JSON.stringify(old));
      const pool = when === 'after a restart' ? await first.restart() : first;
      await writeFile(fileOf(pool, 'a'), JSON.stringify(old));
      await pool.client.post('/admin/reload').expect(200);
      expect(await pool.account('a')).toMatchObject({ available: true, warnings: [] });
      expect((await pool.readAuth('a')).tokens).toMatchObject(newest(pool));
      expect((await kept(pool, old.tokens.refresh_token)).length).toBeGreaterThan(0);
      await restore(pool).expect(200);
      expect(pool.fakeUpstream.tokens.reuses).toBe(0);
      if (pool !== first) await pool.running.stop();
    },
  );

  it('is replaced by a newer login, and the kept tokens stay in .removed', async () => {
    await using pool = await broken();
    const before = newest(pool).refresh_token;
    const login = pool.fakeUpstream.account('a').loginAgain();
    await pool.writeAuth('a', login);
    await pool.client.post('/admin/reload').expect(200);
    expect(await pool.account('a')).toMatchObject({ available: true, warnings: [] });
    expect(await pool.readAuth('a')).toEqual(login);
    expect(await kept(pool, before)).toHaveLength(1);
    expect(await kept(pool, login.tokens.refresh_token)).toEqual([]);
  });

  it('keeps tokens that a turn still in flight has refreshed', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    await polled(pool);
    clock.advance(ALMOST);
    pool.fakeUpstream.tokens.lifetimeSeconds = LONG_SECONDS;
    const running = controlled();
    pool.fakeUpstream.account('a').answers(running.response);
    const held = pool.fakeUpstream.tokens.hold({ afterRotation: true });
    const client = send(pool);
    await held.arrived;
    await writeFile(fileOf(pool, 'a'), '');
    await eventually(async () => (await stateOf(pool))['a']).toBe('broken-file');
    held.release();
    await running.started;
    await eventually(async () => (await kept(pool, newest(pool).refresh_token)).length).toBe(1);
    running.send(delta('late'), completed());
    running.end();
    await client;
    await eventually(async () => (await stateOf(pool))['a']).toBe('the file is empty');
    await restore(pool).expect(200);
    expect((await pool.readAuth('a')).tokens).toMatchObject(newest(pool));
    expect(pool.fakeUpstream.tokens).toMatchObject({ reuses: 0, requests: [{ account: 'a' }] });
  });

  it('keeps tokens that were issued before it was known to be broken', async () => {
    const { pool: started, held, turn } = await refreshing();
    await using pool = started;
    await writeFile(fileOf(pool, 'a'), '');
    held.release();
    await turn;
    await pool.client.post('/admin/reload').expect(200);
    expect(await kept(pool, newest(pool).refresh_token)).toHaveLength(1);
    await restore(pool).expect(200);
    expect((await pool.readAuth('a')).tokens).toMatchObject(newest(pool));
    expect(pool.fakeUpstream.tokens).toMatchObject({ reuses: 0, requests: [{ account: 'a' }] });
  });

  it('keeps tokens that arrive when its account has left the pool', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    await polled(pool);
    clock.advance(ALMOST);
    pool.fakeUpstream.tokens.lifetimeSeconds = LONG_SECONDS;
    const held = pool.fakeUpstream.tokens.hold({ afterRotation: true });
    const due = pool.running.app.get(TokenService).refreshDue();
    await held.arrived;
    await writeFile(fileOf(pool, 'a'), '');
    await eventually(async () => (await stateOf(pool))['a']).toBe('the file is empty');
    held.release();
    await due;
    await eventually(async () => (await kept(pool, newest(pool).refresh_token)).length).toBe(1);
    const [copy] = await kept(pool, newest(pool).refresh_token);
    await eventually(async () => (await pool.account('a')).warnings).toEqual([
      expect.stringContaining(copy ?? ''),
    ]);
    await restore(pool).expect(200);
    expect((await pool.readAuth('a')).tokens).toMatchObject(newest(pool));
    expect(pool.fakeUpstream.tokens).toMatchObject({ reuses: 0, requests: [{ account: 'a' }] });
  });

  it('is not overwritten if it becomes usable during a restore', async () => {
    await using pool = await broken('{');
    const login = pool.fakeUpstream.account('a').loginAgain();
    const backUp = vi.spyOn(pool.running.app.get(CredentialStore), 'backUp');
    backUp.mockImplementationOnce(async () => await pool.writeAuth('a', login));
    await restore(pool);
    expect(backUp).toHaveBeenCalledTimes(1);
    expect(await pool.readAuth('a')).toEqual(login);
    await eventually(async () => (await stateOf(pool))['a']).toBe(null);
    expect(pool.fakeUpstream.tokens).toMatchObject({ reuses: 0, requests: [] });
  });

  it('keeps its newest copy longer than other old files', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ clock });
    await polled(pool);
    for (const name of ['b', 'a']) {
      await writeFile(fileOf(pool, name), '');
      await pool.client.post('/admin/reload').expect(200);
      if (name === 'b') await pool.client.post('/admin/accounts/b/refresh').expect(200);
    }
    expect(await kept(pool)).toHaveLength(2);
    clock.advance(40 * DAY);
    await pool.running.app.get(FolderCleanupCron).deleteOldFiles();
    expect(await kept(pool)).toHaveLength(1);
    expect(await kept(pool, newest(pool).refresh_token)).toHaveLength(1);
    await restore(pool).expect(200);
  });

  it('keeps the tokens of two logins that had its name apart', async () => {
    await using pool = await TestPool.start({ accounts: ['a', 'b', 'c'] });
    await polled(pool);
    await writeFile(fileOf(pool, 'a'), '');
    await rm(fileOf(pool, 'c'));
    await pool.client.post('/admin/reload').expect(200);
    const [first] = await kept(pool, newest(pool).refresh_token);
    const other = { ...pool.fakeUpstream.account('c').authJson(), note: 'of c' };
    await pool.writeAuth('a', other);
    await pool.client.post('/admin/reload').expect(200);
    await restore(pool).expect(200); // an ordinary refresh
    expect(pool.fakeUpstream.tokens.requests).toMatchObject([{ account: 'c' }]);
    await writeFile(fileOf(pool, 'a'), '');
    await pool.client.post('/admin/reload').expect(200);
    await restore(pool).expect(200);
    expect(await pool.readAuth('a')).toMatchObject({ tokens: newest(pool, 'c'), note: 'of c' });
    expect(await kept(pool, newest(pool).refresh_token)).toEqual([first]);
    await pool.client.delete('/admin/accounts/a').expect(200);
    await writeFile(fileOf(pool, 'a'), '');
    await pool.client.post('/admin/reload').expect(200);
    await restore(pool).expect(200);
    expect((await pool.readAuth('a')).tokens).toMatchObject(newest(pool));
  });

  it('does not get back tokens that were used in a file of another name', async () => {
    await using pool = await broken();
    await pool.writeAuth('later', pool.fakeUpstream.account('a').authJson());
    await pool.client.post('/admin/reload').expect(200);
    await pool.client.post('/admin/accounts/later/refresh').expect(200);
    await rm(fileOf(pool, 'later'));
    await pool.client.post('/admin/reload').expect(200);
    expect(await pool.account('a')).toMatchObject({ reason: 'the file is empty', warnings: [] });
    await restore(pool).expect(404);
  });

  it('is not taken for broken while it is still written, nor are the tokens of a deleted file kept', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    const login = JSON.stringify(pool.fakeUpstream.account('a').loginAgain());
    await writeFile(fileOf(pool, 'a'), '');
    const report = pool.client.post('/admin/reload').expect(200);
    const sent = report.then((it) => it.body);
    await writeFile(fileOf(pool, 'a'), login);
    expect(await sent).toMatchObject([{ name: 'a', result: 'updated' }, { name: 'b' }]);
    expect(await kept(pool)).toEqual([]);
  });
});
