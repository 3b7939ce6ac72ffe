import { execFile } from 'node:child_process';
import { rename, rm, symlink, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import { send } from '../../support/clients/raw-client.js';
import {
  ALMOST,
  crossed,
  fileOf,
  LONG_SECONDS,
  newest,
  refreshing,
} from '../../support/pool/held-refresh.js';

const reload = (pool: TestPool) => pool.client.post('/admin/reload').expect(200);

describe('another login in an existing file', () => {
  it.each([
    ['older', '2020-01-01T00:00:00.000Z'],
    ['newer', '2099-01-01T00:00:00.000Z'],
  ])(
    'with an %s date is never overwritten, and becomes another account on the next reload',
    async (_age, date) => {
      const clock = new FakeClock();
      await using pool = await TestPool.start({ accounts: ['a'], clock });
      await polled(pool);
      const login = pool.fakeUpstream.addAccount({ name: 'x' }).authJson({ last_refresh: date });
      await pool.writeAuth('a', login);
      clock.advance(ALMOST);
      await send(pool); // the old account is due for a refresh, but its file holds another account
      expect(await pool.readAuth('a')).toEqual(login);
      await reload(pool);
      expect(await pool.account('a')).toMatchObject({ available: true, accountId: 'acct-x' });
      await pool.turn().expect(200);
      expect(pool.fakeUpstream.attempts().at(-1)).toBe('x');
      expect(pool.fakeUpstream.tokens.requests.map((it) => it.account)).toEqual(['x']);
      expect(await pool.readAuth('a')).toMatchObject({ tokens: newest(pool, 'x') });
      expect(crossed(pool)).toEqual([]);
    },
  );

  it.each(['before', 'after'])(
    'survives a refresh of the old account that was under way, read %s its end',
    async (when) => {
      const { pool, held, turn } = await refreshing();
      await using _it = pool;
      const other = pool.fakeUpstream.addAccount({ name: 'x', accessTokenLifetimeSeconds: LONG_SECONDS });
      await pool.writeAuth('a', other.authJson());
      if (when === 'before') await reload(pool);
      held.release();
      await turn;
      expect(await pool.readAuth('a')).toEqual(other.authJson());
      if (when === 'after') await reload(pool);
      expect(await pool.account('a')).toMatchObject({ available: true, accountId: 'acct-x', warnings: [] });
      await pool.turn().expect(200);
      expect(pool.fakeUpstream.attempts().at(-1)).toBe('x');
      expect(await pool.readAuth('a')).toEqual(other.authJson());
      expect(crossed(pool)).toEqual([]);
    },
  );
});

describe('newly issued tokens', () => {
  it.each(['before', 'after'])(
    'end up in a file that was renamed during the refresh and read again %s its end',
    async (when) => {
      const { pool, held, turn } = await refreshing();
      await using _it = pool;
      await rename(fileOf(pool, 'a'), fileOf(pool, 'renamed'));
      if (when === 'before') await reload(pool);
      held.release();
      expect((await turn).status).toBe(200);
      if (when === 'after') await reload(pool);
      expect(await pool.readAuth('renamed')).toMatchObject({ tokens: newest(pool) });
      expect(await pool.account('renamed')).toMatchObject({ available: true, warnings: [] });
      await pool.turn().expect(200);
      expect(pool.fakeUpstream.turns().at(-1)?.headers.authorization).toBe(
        `Bearer ${newest(pool).access_token}`,
      );
      pool.fakeUpstream.account('a').expireAccessToken();
      await pool.turn().expect(200);
      expect(pool.fakeUpstream.tokens).toMatchObject({ reuses: 0, requests: [{}, {}] });
    },
  );

  it.each<[string, (path: string) => Promise<void>]>([
    ['is cut off', (path) => writeFile(path, '{')],
    ['is gone', (path) => rm(path)],
    [
      'is a dangling link',
      async (path) => {
        await rm(path);
        await symlink(`${path}.gone`, path);
      },
    ],
  ])('wait for a file that %s during the refresh until it is restored', async (_case, spoil) => {
    const { pool, held, turn, before } = await refreshing();
    await using _it = pool;
    await spoil(fileOf(pool, 'a'));
    held.release();
    expect((await turn).status).toBe(200);
    const { warnings } = await pool.account('a');
    expect(warnings).toEqual([expect.stringContaining('in the journal')]);
    await reload(pool);
    await rm(fileOf(pool, 'a'), { force: true });
    await pool.writeAuth('a', before);
    await reload(pool);
    expect(await pool.readAuth('a')).toMatchObject({ tokens: newest(pool) });
    expect(await pool.account('a')).toMatchObject({ available: true, warnings: [] });
    pool.fakeUpstream.account('a').expireAccessToken();
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.tokens).toMatchObject({ reuses: 0, requests: [{}, {}] });
  });
});

/** The program's output so far: logs and responses. */
async function said(pool: TestPool): Promise<string> {
  const pages = ['/admin/accounts', '/healthz', '/readyz', '/metrics'];
  const texts = await Promise.all(pages.map(async (path) => (await pool.client.get(path)).text));
  return [...pool.logger.lines, ...texts].join('\n');
}

describe('no part of a token is disclosed', () => {
  it('when its file is in pieces after the refresh', async () => {
    const { pool, held, turn } = await refreshing();
    await using _it = pool;
    const piece = newest(pool).refresh_token.slice(-9); // short enough to be quoted completely
    await writeFile(fileOf(pool, 'a'), piece);
    held.release();
    await turn;
    expect((await pool.account('a')).warnings).toHaveLength(1);
    await reload(pool);
    expect(await pool.account('a')).toMatchObject({ available: false });
    expect(await said(pool)).not.toContain(piece);
  });

  it.each([
    [400, (code: string) => ({ error: code })],
    [401, (code: string) => ({ error: { code, message: code } })],
    [500, (code: string) => ({ code })],
  ])('when the token endpoint echoes it as the code of a %i', async (status, echo) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    const { refresh_token: secret } = newest(pool);
    pool.fakeUpstream.tokens.answers({ status, body: echo(secret) });
    pool.fakeUpstream.account('a').expireAccessToken();
    const response = await send(pool);
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
    expect(response.body.toString() + (await said(pool))).not.toContain(secret.slice(-12));
  });
});

it('shutdown waits for the running refresh, and starts no other', async () => {
  const accounts = ['a', 'b', 'c'].map((name) => ({ name, accessTokenLifetimeSeconds: 600 }));
  const held = Promise.withResolvers<ReturnType<TestPool['fakeUpstream']['tokens']['hold']>>();
  await using pool = await TestPool.start({
    accounts,
    prepare: ({ tokens }) => held.resolve(tokens.hold()),
  });
  const refresh = await held.promise;
  await refresh.arrived;
  const stopped = pool.running.stop();
  refresh.release();
  await stopped;
  expect(await pool.readAuth('a')).toMatchObject({ tokens: newest(pool) });
  // Round trips on the same path; another refresh would have arrived by now.
  for (let i = 0; i < 20; i += 1) await fetch(pool.fakeUpstream.origin);
  expect(pool.fakeUpstream.tokens.requests).toMatchObject([{ account: 'a' }]);
});

describe('an unusable credential file', () => {
  it('does not block startup when it is a named pipe', async () => {
    await using first = await TestPool.start({ accounts: ['a'] });
    await promisify(execFile)('mkfifo', [fileOf(first, 'x')]);
    await using pool = await first.restart();
    const reason = expect.stringContaining('not a regular file');
    expect(await pool.account('x')).toMatchObject({ available: false, reason });
    await pool.turn().expect(200);
  });

  it('is a file whose access token contains a line break; the next account serves', async () => {
    await using pool = await TestPool.start({
      authJson: (name, json) => {
        if (name === 'a') json.tokens.access_token += '\nx: y';
        return json;
      },
    });
    const reason = expect.stringContaining('tokens.access_token');
    expect(await pool.account('a')).toMatchObject({ available: false, reason });
    expect((await pool.turn().expect(200)).headers['x-codex-pool-account']).toBe('b');
  });
});
