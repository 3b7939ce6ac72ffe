import { afterEach, describe, expect, it, vi } from 'vitest';
import { refuses } from '../../../src/fake-upstream/script/responses.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { completed, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { EgressProxy } from '../../support/network/egress-proxy.js';
import { DAY, FakeClock, HOUR, SECOND } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { send, turnWith } from '../../support/clients/raw-http.js';

const suspend = (clock: FakeClock, ms = HOUR) => {
  clock.advance(ms);
  clock.tick();
};
const polls = (pool: TestPool) =>
  pool.fakeUpstream.log.filter((it) => it.path.endsWith('/wham/usage')).length;

describe('a machine that wakes from sleep', () => {
  // Without polls, every connection to the fake upstream belongs to a turn.
  const env = { UPSTREAM_WHAM_BASE: 'http://127.0.0.1:9/backend-api' };

  it('drops only the idle connections to upstream', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock, env });
    const running = controlled();
    pool.fakeUpstream.account('a').answers(running.response);
    const client = send(pool.origin, turnWith(JSON.stringify(aTurn())));
    running.send(delta('before'));
    await client.untilText('before');
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.openConnections()).toBe(2);
    suspend(clock, 29 * SECOND); // too short to count as a suspend
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.openConnections()).toBe(2);
    suspend(clock);
    await pool.fakeUpstream.until(
      () => pool.fakeUpstream.openConnections() === 1,
      'the end of the idle connection',
    );
    running.send(delta('after'), completed());
    running.end();
    expect((await client.whole()).isBroken).toBe(false);
    expect(client.text).toContain('after');
    await pool.turn().expect(200);
  });

  it('polls all accounts again', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ clock });
    await polled(pool);
    clock.tick();
    suspend(clock, 30 * SECOND);
    expect(polls(pool)).toBe(2);
    suspend(clock);
    await pool.fakeUpstream.until(() => polls(pool) === 4, 'another round of polls');
  });

  it('blames no account for an error in its first 5 seconds', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock, env });
    pool.fakeUpstream.account('a').always(refuses(502, { error: { code: 'bad_gateway' } }));
    suspend(clock);
    for (let i = 0; i < 3; i += 1) await pool.turn().expect(503);
    expect(await pool.account('a')).toMatchObject({ available: true });
    clock.advance(5 * SECOND);
    for (let i = 0; i < 2; i += 1) await pool.turn();
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'upstream-error' });
  });
});

function stubProxyEnv(scheme: 'http' | 'https', proxy: string, noProxy = ''): void {
  for (const name of ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy', 'npm_config_no_proxy']) {
    vi.stubEnv(name, '');
    vi.stubEnv(name.toUpperCase(), '');
  }
  vi.stubEnv(`${scheme}_proxy`, proxy);
  vi.stubEnv('no_proxy', noProxy);
}

describe('an outbound proxy', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  const tokenExpiresSoon = 10 * DAY - 30 * SECOND;

  it.each([
    ['http', 80],
    ['https', 443],
  ] as const)('carries turns, polls and refreshes over %s', async (scheme, port) => {
    await using proxy = await EgressProxy.start();
    stubProxyEnv(scheme, proxy.origin);
    const clock = new FakeClock();
    const names = ['turns', 'polls', 'tokens'].map((it) => `${it}.upstream.test`);
    const [turns = '', polling = '', tokens = ''] = names.map((it) => `${scheme}://${it}`);
    await using pool = await TestPool.start({
      accounts: ['a'],
      clock,
      prepare: (fakeUpstream) => proxy.leadTo(fakeUpstream.origin),
      env: {
        UPSTREAM_RESPONSES_BASE: `${turns}/backend-api/codex`,
        UPSTREAM_WHAM_BASE: `${polling}/backend-api`,
        UPSTREAM_REFRESH_BASE: tokens,
      },
    });
    const isReachable = scheme === 'http'; // the fake upstream speaks no TLS, so the proxy refuses that tunnel
    if (isReachable) await polled(pool);
    clock.advance(tokenExpiresSoon);
    const response = await pool.turn();
    const asked = new Set(names.map((it) => `${it}:${port}`));
    await vi.waitFor(() => expect(new Set(proxy.asked)).toEqual(asked));
    expect(response.status).toBe(isReachable ? 200 : 503);
    expect(pool.fakeUpstream.turns()).toHaveLength(isReachable ? 1 : 0);
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(isReachable ? 1 : 0);
  });

  it('that refuses connections is a network fault, and no account is blamed', async () => {
    await using proxy = await EgressProxy.start();
    stubProxyEnv('https', proxy.origin);
    await using pool = await TestPool.start({
      accounts: ['a'],
      env: { UPSTREAM_RESPONSES_BASE: 'https://turns.upstream.test/backend-api/codex' },
    });
    for (let i = 0; i < 2; i += 1) {
      const response = await pool.turn().expect(503);
      expect(response.headers['x-codex-pool-error']).toBe('upstream_unreachable');
    }
    expect(await pool.account('a')).toMatchObject({ available: true });
  });

  it.each([
    ['loopback', '127.0.0.1', '', false],
    ['hosts in NO_PROXY', '0.0.0.0', '0.0.0.0', false],
    ['anything else', '0.0.0.0', '', true],
  ])('is used or bypassed for %s: %s with NO_PROXY=%s', async (_what, host, noProxy, isUsed) => {
    await using proxy = await EgressProxy.start();
    stubProxyEnv('http', proxy.origin, noProxy);
    const clock = new FakeClock();
    const env: Record<string, string> = {};
    await using pool = await TestPool.start({
      accounts: ['a'],
      clock,
      env,
      prepare: (fakeUpstream) => {
        proxy.leadTo(fakeUpstream.origin);
        for (const [name, url] of Object.entries(fakeUpstream.env))
          env[name] = url.replace('127.0.0.1', host);
      },
    });
    await polled(pool);
    clock.advance(tokenExpiresSoon);
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
    expect(proxy.asked.length > 0).toBe(isUsed);
  });
});
