import { afterEach, describe, expect, it, vi } from 'vitest';
import { refuses } from '../../../src/fake-upstream/script/responses.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { completed, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { EgressProxy } from '../../support/network/egress-proxy.js';
import { DAY, FakeClock, HOUR, SECOND } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { send, turnWith } from '../../support/clients/raw-http.js';

const sleep = (clock: FakeClock, ms = HOUR) => {
  clock.advance(ms);
  clock.tick();
};
const polls = (pool: TestPool) =>
  pool.fakeUpstream.log.filter((it) => it.path.endsWith('/wham/usage')).length;

describe('a machine that wakes from sleep', () => {
  // Without polls every connection at the fake upstream is one of turns.
  const env = { UPSTREAM_WHAM_BASE: 'http://127.0.0.1:9/backend-api' };

  it('drops the idle connections to upstream, and only those', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock, env });
    const running = controlled();
    pool.fakeUpstream.account('a').answers(running.response);
    const client = send(pool.origin, turnWith(JSON.stringify(aTurn())));
    running.send(delta('before'));
    await client.untilText('before');
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.openConnections()).toBe(2);
    sleep(clock, 29 * SECOND); // no sleep yet
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.openConnections()).toBe(2);
    sleep(clock);
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

  it('polls all accounts anew', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ clock });
    await polled(pool);
    clock.tick();
    sleep(clock, 30 * SECOND);
    expect(polls(pool)).toBe(2);
    sleep(clock);
    await pool.fakeUpstream.until(() => polls(pool) === 4, 'another round of polls');
  });

  it('blames no account for an error of its first 5 seconds', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock, env });
    pool.fakeUpstream.account('a').always(refuses(502, { error: { code: 'bad_gateway' } }));
    sleep(clock);
    for (let i = 0; i < 3; i += 1) await pool.turn().expect(503);
    expect(await pool.account('a')).toMatchObject({ available: true });
    clock.advance(5 * SECOND);
    for (let i = 0; i < 2; i += 1) await pool.turn();
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'upstream-error' });
  });
});

function proxyOf(scheme: 'http' | 'https', proxy: string, noProxy = ''): void {
  for (const name of ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy', 'npm_config_no_proxy']) {
    vi.stubEnv(name, '');
    vi.stubEnv(name.toUpperCase(), '');
  }
  vi.stubEnv(`${scheme}_proxy`, proxy);
  vi.stubEnv('no_proxy', noProxy);
}

describe('a proxy on the way out', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  const tokenIsOld = 10 * DAY - 30 * SECOND;

  it.each([
    ['http', 80],
    ['https', 443],
  ] as const)('is taken for turns, polls and refreshes over %s', async (scheme, port) => {
    await using proxy = await EgressProxy.start();
    proxyOf(scheme, proxy.origin);
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
    const isCanonical = scheme === 'http'; // the fake upstream speaks no TLS, so the proxy refuses that tunnel
    if (isCanonical) await polled(pool);
    clock.advance(tokenIsOld);
    const answer = await pool.turn();
    const asked = new Set(names.map((it) => `${it}:${port}`));
    await vi.waitFor(() => expect(new Set(proxy.asked)).toEqual(asked));
    expect(answer.status).toBe(isCanonical ? 200 : 503);
    expect(pool.fakeUpstream.turns()).toHaveLength(isCanonical ? 1 : 0);
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(isCanonical ? 1 : 0);
  });

  it('that refuses is a network fault, for which no account is blamed', async () => {
    await using proxy = await EgressProxy.start();
    proxyOf('https', proxy.origin);
    await using pool = await TestPool.start({
      accounts: ['a'],
      env: { UPSTREAM_RESPONSES_BASE: 'https://turns.upstream.test/backend-api/codex' },
    });
    for (let i = 0; i < 2; i += 1) {
      const answer = await pool.turn().expect(503);
      expect(answer.headers['x-codex-pool-error']).toBe('upstream_unreachable');
    }
    expect(await pool.account('a')).toMatchObject({ available: true });
  });

  it.each([
    ['loopback', '127.0.0.1', '', false],
    ['what NO_PROXY names', '0.0.0.0', '0.0.0.0', false],
    ['anything else', '0.0.0.0', '', true],
  ])('and %s: %s with NO_PROXY=%s', async (_what, host, noProxy, isTaken) => {
    await using proxy = await EgressProxy.start();
    proxyOf('http', proxy.origin, noProxy);
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
    clock.advance(tokenIsOld);
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
    expect(proxy.asked.length > 0).toBe(isTaken);
  });
});
