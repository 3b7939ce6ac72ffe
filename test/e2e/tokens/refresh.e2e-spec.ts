import { describe, expect, it } from 'vitest';
import type { TokenFault } from '../../../src/fake-upstream/authorization/token-endpoint.js';
import { DAY, FakeClock, SECOND } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import { leavingTurn } from '../../support/clients/raw-client.js';

/** Tokens of `a` live ten days and tokens of `b` longer, so only account `a`'s tokens expire during a test. */
const accounts = ['a', { name: 'b', accessTokenLifetimeSeconds: 40 * 86_400 }];
/** Moves the clock to half a minute before the token expires, or to a minute after its expiry. */
const ALMOST = 10 * DAY - 30 * SECOND;
const OVER = 10 * DAY + 60 * SECOND;

describe('token refresh', () => {
  it('makes one token request for twenty simultaneous turns', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    await polled(pool);
    clock.advance(ALMOST);
    pool.fakeUpstream.tokens.lifetimeSeconds = 40 * 86_400;
    const held = pool.fakeUpstream.tokens.hold();
    const turns = Promise.all(Array.from({ length: 20 }, () => pool.turn().expect(200)));
    await held.arrived;
    await expect.poll(async () => (await pool.account('a')).inFlight).toBe(20);
    held.release();
    await turns;
    expect(pool.fakeUpstream.tokens.requests).toMatchObject([{ account: 'a', reason: 'proactive_expiry' }]);
    const { access_token: newest } = pool.fakeUpstream.account('a').authJson().tokens;
    const sent = new Set(pool.fakeUpstream.turns().map((it) => it.headers.authorization));
    expect([...sent]).toEqual([`Bearer ${newest}`]);
    expect((await pool.readAuth('a')).tokens.access_token).toBe(newest);
  });

  it('makes one token request for many turns whose token is rejected simultaneously', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.account('a').expireAccessToken();
    await Promise.all(Array.from({ length: 10 }, () => pool.turn().expect(200)));
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
    expect(pool.fakeUpstream.tokens.reuses).toBe(0);
  });

  it('stores the rotated token when the client disconnects during the refresh, and sends upstream nothing more', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    await polled(pool);
    clock.advance(ALMOST);
    pool.fakeUpstream.tokens.lifetimeSeconds = 40 * 86_400;
    const held = pool.fakeUpstream.tokens.hold({ afterRotation: true });
    const client = leavingTurn(pool);
    await held.arrived;
    client.leave();
    await client.left;
    held.release();
    const { refresh_token: newest } = pool.fakeUpstream.account('a').authJson().tokens;
    await expect.poll(async () => (await pool.readAuth('a')).tokens.refresh_token).toBe(newest);
    await expect.poll(async () => (await pool.account('a')).inFlight).toBe(0);
    expect(pool.fakeUpstream.turns()).toEqual([]);
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
  });

  it('immediately frees the slot of a client that disconnects during the refresh', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    await polled(pool);
    clock.advance(ALMOST);
    const held = pool.fakeUpstream.tokens.hold();
    const client = leavingTurn(pool);
    await held.arrived;
    client.leave();
    await client.left;
    try {
      await expect.poll(async () => (await pool.account('a')).inFlight, { timeout: 1_000 }).toBe(0);
    } finally {
      held.release(); // the program waits for its refresh before it ends
    }
  });

  it('refreshes ahead of expiry at startup, without any turn', async () => {
    const short = { name: 'a', accessTokenLifetimeSeconds: 600 };
    await using pool = await TestPool.start({ accounts: [short, 'b'] });
    await pool.fakeUpstream.until(() => pool.fakeUpstream.tokens.requests.length > 0, 'a token request');
    await polled(pool);
    const { refresh_token: newest } = pool.fakeUpstream.account('a').authJson().tokens;
    await expect.poll(async () => (await pool.readAuth('a')).tokens.refresh_token).toBe(newest);
    expect(pool.fakeUpstream.tokens.requests).toMatchObject([{ account: 'a', reason: 'proactive_expiry' }]);
    expect(await pool.account('a')).toMatchObject({ available: true, refresh: 'idle' });
  });

  it.each<[string, TokenFault]>([
    ['responds with 500', { status: 500, body: { error: 'server_error' } }],
    ['responds with 429', { status: 429, body: { error: 'slow_down' } }],
    ['responds with 403 with a page', { status: 403, body: '<html>blocked</html>' }],
    ['responds with HTML', 'html'],
  ])('keeps an account whose token endpoint %s, and retries later', async (_case, fault) => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts, clock });
    await polled(pool);
    clock.advance(OVER);
    pool.fakeUpstream.tokens.answers(fault);
    const first = await pool.turn().expect(200);
    expect(first.headers['x-codex-pool-account']).toBe('b');
    const a = await pool.account('a');
    expect(a).toMatchObject({ available: false, refresh: 'waiting', until: clock.now() + 30 * SECOND });
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
    clock.advance(30 * SECOND);
    const later = await pool.turn().expect(200);
    expect(later.headers['x-codex-pool-account']).toBe('a');
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(2);
  });

  it('keeps using a good token while the token endpoint fails', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts, clock });
    await polled(pool);
    clock.advance(ALMOST);
    pool.fakeUpstream.tokens.answers({ status: 500, body: {} });
    for (const _turn of [1, 2]) {
      const response = await pool.turn().expect(200);
      expect(response.headers['x-codex-pool-account']).toBe('a');
    }
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
  });

  it('needs a login when the refresh token was used elsewhere, and recovers with a new file', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts, clock });
    await polled(pool);
    clock.advance(OVER);
    pool.fakeUpstream.account('a').revokeRefreshToken();
    for (const _turn of [1, 2]) {
      const response = await pool.turn().expect(200);
      expect(response.headers['x-codex-pool-account']).toBe('b');
    }
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'needs-login', until: null });
    await pool.writeAuth('a', pool.fakeUpstream.account('a').loginAgain(20 * 86_400));
    const { body } = await pool.client.post('/admin/reload').expect(200);
    expect(body[0]).toMatchObject({ name: 'a', result: 'updated' });
    expect(await pool.account('a')).toMatchObject({ available: true, reason: null });
    const back = await pool.turn().expect(200);
    expect(back.headers['x-codex-pool-account']).toBe('a');
  });
});

describe('disabled refresh', () => {
  it('makes no token request, and serves the next account when a token is rejected', async () => {
    const short = { name: 'a', accessTokenLifetimeSeconds: 30 };
    const env = { PROXY_DISABLE_REFRESH: '1' };
    await using pool = await TestPool.start({ accounts: [short, 'b'], env });
    await polled(pool);
    pool.fakeUpstream.account('a').expireAccessToken();
    const response = await pool.turn().expect(200);
    expect(response.headers['x-codex-pool-account']).toBe('b');
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'b']);
    expect(pool.fakeUpstream.tokens.requests).toEqual([]);
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'unauthorized' });
  });

  it('still adopts newer tokens from the file', async () => {
    const env = { PROXY_DISABLE_REFRESH: '1' };
    await using pool = await TestPool.start({ env });
    await polled(pool);
    pool.fakeUpstream.account('a').expireAccessToken();
    await pool.writeAuth('a', pool.fakeUpstream.account('a').loginAgain());
    const response = await pool.turn().expect(200);
    expect(response.headers['x-codex-pool-account']).toBe('a');
    expect(pool.fakeUpstream.tokens.requests).toEqual([]);
  });
});
