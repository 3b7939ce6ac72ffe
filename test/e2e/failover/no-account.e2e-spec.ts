import { describe, expect, it } from 'vitest';
import { deactivated, usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { DAY, FakeClock, HOUR, SECOND } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import { type Received, send } from '../../support/clients/raw-client.js';

const errorIn = (response: Received): unknown => JSON.parse(response.body.toString()).error;

function pause(pool: TestPool, ...names: string[]): void {
  for (const account of pool.registry.list()) {
    if (names.includes(account.name)) account.settings = { ...account.settings, isPaused: true };
  }
}

const inSeconds = (ms: number): number => Math.floor(ms / SECOND);

describe('a pool with no quota left', () => {
  it('gives the time when the first account is back, in upstream’s own format', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: [{ name: 'a', plan: 'pro' }, 'b', 'c'], clock });
    await polled(pool);
    pause(pool, 'c');
    const earliest = inSeconds(clock.now() + HOUR);
    pool.fakeUpstream.account('a').answers(usageLimit({ resetsAt: inSeconds(clock.now() + 2 * HOUR) }));
    pool.fakeUpstream.account('b').answers(usageLimit({ resetsAt: earliest }));
    for (const _client of [1, 2]) {
      const response = await send(pool);
      expect(response.status).toBe(429);
      expect(errorIn(response)).toMatchObject({
        type: 'usage_limit_reached',
        message: expect.any(String),
        plan_type: 'pro',
        resets_at: earliest,
        resets_in_seconds: Math.ceil((earliest * SECOND - clock.now()) / SECOND),
      });
      expect(response.headers).not.toHaveProperty('retry-after');
      expect(response.headers['x-codex-pool-error']).toBe('usage_limit_reached');
    }
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'b']);
  });

  it('is recognized from polls alone, and no turn is sent upstream', async () => {
    const clock = new FakeClock();
    const full = { usedPercent: 100, windowSeconds: 18_000, resetsInSeconds: 7_200 };
    await using pool = await TestPool.start({
      clock,
      prepare: (fakeUpstream) => void ['a', 'b'].map((name) => fakeUpstream.account(name).usage(full)),
    });
    await polled(pool);
    const response = await send(pool);
    expect(response.status).toBe(429);
    expect(errorIn(response)).toMatchObject({ type: 'usage_limit_reached' });
    expect(pool.fakeUpstream.turns()).toEqual([]);
    clock.advance(3 * HOUR);
    await pool.turn().expect(200);
  });

  it('reports the latest of the windows that an account must wait for', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    await polled(pool);
    const week = { usedPercent: 100, windowSeconds: 604_800, resetsInSeconds: 300_000 };
    const headers = {
      'x-codex-primary-used-percent': '100',
      'x-codex-primary-window-minutes': '10080',
      'x-codex-primary-reset-at': String(inSeconds(clock.now()) + week.resetsInSeconds),
    };
    const fiveHours = inSeconds(clock.now() + HOUR);
    pool.fakeUpstream.account('a').answers(usageLimit({ resetsAt: fiveHours, headers }));
    expect(errorIn(await send(pool))).toMatchObject({ resets_at: inSeconds(clock.now()) + 300_000 });
  });
});

describe('a pool that needs an operator', () => {
  const shortLived = ['a', 'b'].map((name) => ({ name, accessTokenLifetimeSeconds: 86_400 }));
  const cases: [string, string[], () => Promise<TestPool>][] = [
    ['is empty', ['pool folder', 'auth.json', '/admin/reload'], () => TestPool.start({ accounts: [] })],
    [
      'has only an unusable file',
      ['auth.json', 'pool folder'],
      () => TestPool.start({ accounts: [], files: { 'a.json': '{"tokens":' } }),
    ],
    [
      'is paused',
      ['a is paused', 'b is paused'],
      async () => {
        const pool = await TestPool.start();
        pause(pool, 'a', 'b');
        return pool;
      },
    ],
    [
      'needs logins',
      ['a needs a login', 'b needs a login', 'auth.json'],
      async () => {
        const clock = new FakeClock();
        const pool = await TestPool.start({ accounts: shortLived, clock });
        await polled(pool);
        clock.advance(2 * DAY);
        for (const { name } of shortLived) pool.fakeUpstream.account(name).revokeRefreshToken();
        return pool;
      },
    ],
    [
      'has a deactivated and a paused account',
      ['a is deactivated', 'b is paused'],
      async () => {
        const pool = await TestPool.start();
        await polled(pool);
        pause(pool, 'b');
        pool.fakeUpstream.account('a').answers(deactivated());
        return pool;
      },
    ],
  ];

  it.each(cases)(
    'reports what to do when it %s, with a status that makes Codex print it at once',
    async (...row) => {
      const [, words, start] = row;
      await using pool = await start();
      const response = await send(pool);
      expect(response.status).toBe(503);
      expect(errorIn(response)).toMatchObject({ type: 'pool_unavailable', code: 'no_account_available' });
      for (const word of words) expect(response.body.toString()).toContain(word);
      expect(response.headers).toMatchObject({
        'content-type': 'application/json; charset=utf-8',
        'x-codex-pool-error': 'no_account_available',
      });
      const codex = await send(pool, { headers: { originator: 'codex_cli_rs' } });
      expect(codex.status).toBe(400);
      expect(codex.body.equals(response.body)).toBe(true);
      const other = await send(pool, { path: '/v1/alpha/search' });
      expect(other.status).toBe(503);
      expect(other.headers['x-codex-pool-error']).toBe('no_account_available');
    },
  );
});

describe('local responses', () => {
  it.each([
    ['an unknown route', 'GET', '/favicon.ico', 404, 'unknown_route'],
    ['a wrong method', 'GET', '/v1/responses', 405, 'method_not_allowed'],
    ['a login other than the placeholder', 'POST', '/oauth/token', 403, 'not_a_placeholder_login'],
    ['no account for a list of models', 'GET', '/v1/models', 404, 'models_unavailable'],
    ['no account for anything else', 'GET', '/backend-api/wham/settings/user', 503, 'no_account_available'],
  ])('carry their error code: %s', async (_case, method, path, status, code) => {
    await using pool = await TestPool.start({ accounts: [] });
    const response = await send(pool, { method, path, body: '' });
    expect(response.status).toBe(status);
    expect(response.headers).toMatchObject({ 'x-codex-pool-error': code });
    expect(errorIn(response)).toMatchObject({ code, message: expect.any(String), type: expect.any(String) });
  });
});
