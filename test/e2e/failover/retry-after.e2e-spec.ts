import { createServer } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { refuses } from '../../../src/fake-upstream/script/responses.js';
import { rateLimit, usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { FakeClock, MINUTE, SECOND } from '../../support/fake-clock.js';
import { free, isServedBy, out, standing, startRanked } from '../../support/pool/ranked-accounts.js';
import { type Received, send } from '../../support/clients/raw-client.js';

/** Expects a local JSON response; returns its status, code, type and Retry-After. */
function summaryOf({ status, headers, body }: Received): unknown[] {
  const { error } = JSON.parse(body.toString());
  expect(headers).toMatchObject({ 'content-type': 'application/json; charset=utf-8' });
  expect(headers).not.toHaveProperty('x-codex-pool-account');
  expect(error).toMatchObject({ message: expect.any(String) });
  return [status, headers['x-codex-pool-error'], error.type, headers['retry-after']];
}

describe('a budget spent before every account was tried', () => {
  it.each([
    ['1', ['a']],
    ['2', ['a', 'b']],
  ])('returns 503 with Retry-After: 1, and the repeat is served (%s attempts)', async (attempts, asked) => {
    const env = { PROXY_MAX_ATTEMPTS: attempts };
    await using pool = await startRanked({ accounts: ['a', 'b', 'c'], env, clock: new FakeClock() });
    for (const name of asked) pool.fakeUpstream.account(name).answers(usageLimit());
    expect(summaryOf(await send(pool))).toEqual([503, 'attempt_budget_spent', 'pool_unavailable', '1']);
    expect(pool.fakeUpstream.attempts()).toEqual(asked);
    for (const name of asked) {
      expect(await standing(pool, name)).toMatchObject({ available: false, reason: 'quota-exhausted' });
    }
    await isServedBy(pool, attempts === '1' ? 'b' : 'c');
  });
});

describe('a cooldown that ends within 60 s', () => {
  it('returns 429 with the time until the first account is back', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    pool.fakeUpstream.account('a').answers(rateLimit(40));
    pool.fakeUpstream.account('b').answers(rateLimit(20));
    const coolingDown = [429, 'accounts_cooling_down', 'rate_limited', '20'];
    expect(summaryOf(await send(pool))).toEqual(coolingDown);
    expect(summaryOf(await send(pool))).toEqual(coolingDown); // without another attempt
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'b']);
    expect(await standing(pool, 'a')).toEqual(out('rate-limited', clock.now() + 40 * SECOND));
    clock.advance(20 * SECOND);
    await isServedBy(pool, 'b');
  });

  it('returns the same 429 for quota that resets that soon', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    pool.fakeUpstream.account('a').answers(usageLimit({ resetsInSeconds: 3_600 }));
    pool.fakeUpstream.account('b').answers(usageLimit({ resetsInSeconds: 60 }));
    expect(summaryOf(await send(pool))).toEqual([429, 'accounts_cooling_down', 'rate_limited', '60']);
    clock.advance(MINUTE);
    await isServedBy(pool, 'b');
  });

  it.each([
    [60, 429, 'accounts_cooling_down', 'rate_limited', '60'],
    [61, 503, 'accounts_cooling_down', 'pool_unavailable', '61'],
    [3_600, 503, 'accounts_cooling_down', 'pool_unavailable', '3600'],
  ])('is the limit for 429: %i s gives %i', async (seconds, ...expected) => {
    await using pool = await startRanked({ accounts: ['a'], clock: new FakeClock() });
    pool.fakeUpstream.account('a').answers(rateLimit(seconds));
    expect(summaryOf(await send(pool))).toEqual(expected);
  });
});

describe('longer cooldowns', () => {
  it('return 503 with the time until the first account is back', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).answers(rateLimit(300));
    expect(summaryOf(await send(pool))).toEqual([503, 'accounts_cooling_down', 'pool_unavailable', '300']);
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'b']);
    for (const name of ['a', 'b'])
      expect(await standing(pool, name)).toEqual(out('rate-limited', clock.now() + 5 * MINUTE));
    clock.advance(5 * MINUTE);
    await isServedBy(pool, 'a');
  });

  it('begin during the turn that gets the third error in a row', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ accounts: ['a'], clock });
    pool.fakeUpstream.account('a').always(refuses(500, { error: 'oops' }));
    expect(summaryOf(await send(pool))).toEqual([503, 'upstream_unreachable', 'pool_unavailable', '2']);
    expect(summaryOf(await send(pool))).toEqual([429, 'accounts_cooling_down', 'rate_limited', '60']);
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a', 'a', 'a']);
  });
});

describe('an unreachable upstream', () => {
  const unreachable = [503, 'upstream_unreachable', 'pool_unavailable', '2'];

  it('returns 503 with Retry-After: 2 while connections are refused, and blames no account', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    await pool.fakeUpstream.goDown();
    const response = await send(pool);
    expect(summaryOf(response)).toEqual(unreachable);
    const id = String(response.headers['x-codex-pool-request']);
    const { body } = await pool.client.get(`/admin/requests/${id}`).expect(200);
    expect(body.attempts.map((it: { account: string; outcome: string }) => [it.account, it.outcome])).toEqual(
      [
        ['a', 'unreachable'],
        ['a', 'unreachable'],
        ['b', 'unreachable'],
      ],
    );
    for (const name of ['a', 'b']) expect(await standing(pool, name)).toEqual(free);
    await pool.fakeUpstream.reopen();
    await isServedBy(pool, 'a');
  });

  it('returns the same when the server does not speak TLS', async () => {
    const server = createServer((socket) => void socket.once('data', () => socket.end('no TLS'))).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const env = { UPSTREAM_RESPONSES_BASE: `https://127.0.0.1:${port}/backend-api/codex` };
    await using pool = await startRanked({ env, clock: new FakeClock() });
    expect(summaryOf(await send(pool))).toEqual(unreachable);
    for (const name of ['a', 'b']) expect(await standing(pool, name)).toEqual(free);
    server.close();
  });
});
