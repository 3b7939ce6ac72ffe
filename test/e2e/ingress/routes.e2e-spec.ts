import { afterEach, describe, expect, it, vi } from 'vitest';
import { hangs, refuses } from '../../../src/fake-upstream/script/responses.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { forwarded } from '../../support/clients/forwarded-requests.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import { call, send } from '../../support/clients/raw-http.js';

const SETTINGS = '/backend-api/wham/settings/user';
const BUNDLE = '/backend-api/wham/config/bundle';
const as = (accountId: string) => ({ 'chatgpt-account-id': accountId });

afterEach(() => {
  vi.useRealTimers();
});

describe('accounts/check', () => {
  it.each(['/backend-api/wham/accounts/check', '/api/codex/accounts/check', '/v1/wham/accounts/check'])(
    '%s lists the caller’s own workspace and makes no outbound call',
    async (path) => {
      await using pool = await TestPool.start({ accounts: [{ name: 'a', plan: 'pro' }] });
      const { body } = await pool.client.get(path).set(as('acct-of-the-client')).expect(200);
      expect(body).toEqual({
        accounts: [
          {
            id: 'acct-of-the-client',
            plan_type: 'pro',
            name: null,
            profile_picture_url: null,
            structure: 'personal',
            workspace_backend_origin: 'https://chatgpt.com',
            account_routing_override: 'NO_CONSTRAINT',
          },
        ],
        account_ordering: ['acct-of-the-client'],
        default_account_id: 'acct-of-the-client',
      });
      expect(forwarded(pool.fakeUpstream)).toEqual([]);
    },
  );
});

describe('usage', () => {
  it.each([
    '/backend-api/wham/usage',
    '/api/codex/usage',
    '/v1/wham/usage',
    '/v1/api/codex/usage',
    '/v1/usage',
    '/backend-api/codex/wham/usage',
  ])('%s reports the pool’s windows in integers', async (path) => {
    await using pool = await TestPool.start({
      prepare: (fakeUpstream) => {
        const five = { usedPercent: 10.4, windowSeconds: 18_000, resetsInSeconds: 9_000 };
        const week = { windowSeconds: 604_800, resetsInSeconds: 300_000 };
        fakeUpstream.account('a').usage(five, { ...week, usedPercent: 33.3 });
        fakeUpstream.account('b').usage({ ...week, usedPercent: 50 }); // has only the weekly window, reported as primary
      },
    });
    await polled(pool);
    const { body } = await pool.client.get(path).expect(200);
    expect(body).toMatchObject({ plan_type: 'plus', rate_limit: { allowed: true, limit_reached: false } });
    const { primary_window: primary, secondary_window: secondary } = body.rate_limit;
    expect(primary).toMatchObject({ used_percent: 10, limit_window_seconds: 18_000 });
    expect(secondary).toMatchObject({ used_percent: 42, limit_window_seconds: 604_800 });
    const numbers: unknown[] = [...Object.values(primary), ...Object.values(secondary)];
    expect(numbers).toHaveLength(8);
    expect(numbers.every((it) => Number.isInteger(it))).toBe(true);
    expect(secondary.reset_at * 1_000 - Date.now()).toBeGreaterThan(290_000_000);
    expect(forwarded(pool.fakeUpstream)).toEqual([]);
  });

  it('reports null while nothing is known', async () => {
    await using pool = await TestPool.start({
      prepare: (fakeUpstream) =>
        ['a', 'b'].forEach((it) => fakeUpstream.account(it).usageResponses(500, 'made up')),
    });
    const { body } = await pool.client.get('/backend-api/wham/usage').expect(200);
    expect(body.rate_limit).toMatchObject({
      primary_window: null,
      secondary_window: null,
      limit_reached: false,
    });
  });

  it('reports that the limit is reached only when no account can serve', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    for (const [name, isReached] of [
      ['a', false],
      ['b', true],
    ] as const) {
      pool.fakeUpstream.account(name).always(usageLimit());
      await pool.turn();
      const { body } = await pool.client.get('/backend-api/wham/usage').expect(200);
      expect(body.rate_limit).toMatchObject({ limit_reached: isReached, allowed: !isReached });
    }
  });
});

describe('config/bundle', () => {
  it('is the bundle of the client’s own account if it is in the pool', async () => {
    await using pool = await TestPool.start();
    for (const path of [BUNDLE, '/api/codex/config/bundle']) {
      expect((await pool.client.get(path).set(as('acct-b')).expect(200)).body).toEqual({ bundle_of: 'b' });
    }
  });

  it('is empty for any other client, which must not get another account’s rules', async () => {
    await using pool = await TestPool.start();
    expect((await pool.client.get(BUNDLE).set(as('acct-of-the-client')).expect(200)).body).toEqual({});
    expect((await pool.client.get(BUNDLE).expect(200)).body).toEqual({});
    expect(forwarded(pool.fakeUpstream)).toEqual([]);
  });

  it.each([500, 401, 403, 404, 429, 302])('is empty when upstream responds with %i', async (status) => {
    await using pool = await TestPool.start();
    pool.fakeUpstream.account('a').bundle = refuses(status, { detail: 'made up' });
    expect((await pool.client.get(BUNDLE).set(as('acct-a')).expect(200)).body).toEqual({});
  });

  it('is empty when upstream is down', async () => {
    await using pool = await TestPool.start();
    await pool.fakeUpstream.goDown();
    expect((await pool.client.get(BUNDLE).set(as('acct-a')).expect(200)).body).toEqual({});
  });

  it('is empty when upstream is silent for five seconds', async () => {
    await using pool = await TestPool.start();
    pool.fakeUpstream.account('a').bundle = hangs();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const client = send(pool.origin, { path: BUNDLE, headers: as('acct-a') });
    await pool.fakeUpstream.until(() => forwarded(pool.fakeUpstream).length === 1, 'the call');
    await vi.advanceTimersByTimeAsync(4_900);
    expect(client.hasHead).toBe(false);
    await vi.advanceTimersByTimeAsync(200);
    expect((await client.whole()).body.toString()).toBe('{}');
    await pool.fakeUpstream.until(
      () => forwarded(pool.fakeUpstream)[0]?.closedEarly === true,
      'the end of the call',
    );
  });
});

describe('the home account', () => {
  it.each([
    ['/backend-api/wham/settings/user', SETTINGS],
    ['/api/codex/settings/user', SETTINGS],
    ['/backend-api/ps/plugins/installed?limit=200', '/backend-api/ps/plugins/installed?limit=200'],
    ['/ps/plugins/installed?limit=200', '/backend-api/ps/plugins/installed?limit=200'],
    ['/api/codex/ps/mcp', '/backend-api/ps/mcp'],
    ['/api/codex/rate-limit-reset-credits', '/backend-api/wham/rate-limit-reset-credits'],
  ])('%s goes to %s', async (path, upstream) => {
    await using pool = await TestPool.start();
    const own = await call(pool.origin, { path, headers: as('acct-b') });
    const other = await call(pool.origin, { path, headers: as('acct-of-the-client') });
    expect([own.status, other.status]).toEqual([200, 200]);
    expect(forwarded(pool.fakeUpstream).map((it) => [it.account, it.path])).toEqual([
      ['b', upstream],
      ['a', upstream],
    ]);
  });

  it.each([
    '/backend-api/codex/analytics-events/events',
    '/codex/analytics-events/events',
    '/v1/analytics-events/events',
  ])('takes analytics events on %s', async (path) => {
    await using pool = await TestPool.start();
    await pool.client.post(path).set(as('acct-b')).send({ events: [] }).expect(200);
    expect(forwarded(pool.fakeUpstream)).toMatchObject([
      { account: 'b', path: '/backend-api/codex/analytics-events/events' },
    ]);
  });

  it('has its token refreshed once when upstream rejects it', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    pool.fakeUpstream.account('a').expireAccessToken();
    await pool.client.get(SETTINGS).expect(200);
    expect(pool.fakeUpstream.tokens.requestsFor('a')).toHaveLength(1);
    expect(forwarded(pool.fakeUpstream).map((it) => it.account)).toEqual(['a', 'a']);
  });

  it('gives the client 403, never 401, when the route rejects the new token as well', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    pool.fakeUpstream.on('GET', SETTINGS, (_req, res) => void res.writeHead(401).end('{"error":"no"}'));
    const response = await pool.client.get(SETTINGS).expect(403);
    expect(response.text).toBe('{"error":"no"}');
    expect(pool.fakeUpstream.tokens.requestsFor('a')).toHaveLength(1);
  });

  it.each(['/backend-api/wham', '/api/codex', '/v1/wham', '/v1/api/codex'])(
    '%s/rate-limit-reset-credits/consume is not forwarded',
    async (base) => {
      await using pool = await TestPool.start();
      await pool.client
        .post(`${base}/rate-limit-reset-credits/consume`)
        .send({})
        .expect(404)
        .expect('content-type', /json/);
      expect(forwarded(pool.fakeUpstream)).toEqual([]);
    },
  );
});

describe('files', () => {
  it('use the session’s account if a header names a session, or else the home account', async () => {
    await using pool = await TestPool.start();
    pool.fakeUpstream.account('a').answers(usageLimit());
    await pool.turn({ 'session-id': 's-1' }).expect(200); // the session is on b now
    const upload = (headers: Record<string, string>) =>
      pool.client
        .post('/backend-api/files')
        .set({ ...as('acct-a'), ...headers })
        .send({ name: 'x' })
        .expect(200);
    expect((await upload({ 'session-id': 's-1' })).body.account).toBe('b');
    expect((await upload({})).body.account).toBe('a');
    const below = await pool.client.post('/backend-api/files/f1/uploaded').set('session-id', 's-1').send({});
    expect(below.body).toEqual({ account: 'b', path: '/backend-api/files/f1/uploaded' });
  });
});
