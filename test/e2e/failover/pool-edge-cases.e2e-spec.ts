import { describe, expect, it } from 'vitest';
import { byModel, raw, refuses } from '../../../src/fake-upstream/script/responses.js';
import { deactivated, rateLimit, usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { TokenRefreshCron } from '../../../src/tokens/token-refresh.cron.js';
import { FakeClock, HOUR, MINUTE, SECOND } from '../../support/fake-clock.js';
import { aTurn, type TestPool } from '../../support/pool/pool.js';
import {
  free,
  isServedBy,
  movesToB,
  out,
  standing,
  startRanked,
  turnOf,
} from '../../support/pool/ranked-accounts.js';
import { type Received, send } from '../../support/clients/raw-client.js';

const session = { headers: { 'session-id': 's-1' } };
const asking = (model: string) => ({ body: JSON.stringify(aTurn({ model })) });
const errorIn = ({ body }: Received) => JSON.parse(body.toString()).error;

/** Makes these accounts serve every model but `gpt-9`. */
function refuseGpt9(pool: TestPool, ...names: string[]): void {
  const refusal = refuses(400, { error: { code: 'model_not_supported' } }, { 'x-of': 'upstream' });
  for (const name of names) {
    const ours = raw(turnOf(name), { 'x-served-by': name });
    pool.fakeUpstream.account(name).always(byModel((model) => (model === 'gpt-9' ? refusal : ours)));
  }
}

describe('a model that the available account may not use', () => {
  it('returns 429 with the time until the cooling account is back', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    refuseGpt9(pool, 'b');
    await movesToB(pool, [rateLimit()]);
    expect(await standing(pool, 'a')).toEqual(out('rate-limited', clock.now() + 2 * SECOND));
    for (const _try of ['from upstream', 'from memory']) {
      const response = await send(pool, asking('gpt-9'));
      expect(response).toMatchObject({ status: 429, headers: { 'retry-after': '2' } });
      expect(response.headers).not.toHaveProperty('x-of');
    }
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'b', 'b']);
    clock.advance(2 * SECOND);
    await isServedBy(pool, 'a', asking('gpt-9'));
  });

  it('returns 429 with the time until the account that has just hit its limit is back', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    refuseGpt9(pool, 'b');
    pool.fakeUpstream.account('a').answers(rateLimit());
    const response = await send(pool, asking('gpt-9'));
    expect(response).toMatchObject({ status: 429, headers: { 'retry-after': '2' } });
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'b']);
    clock.advance(2 * SECOND);
    await isServedBy(pool, 'a', asking('gpt-9'));
  });

  it('returns upstream’s own 400 every time when no account may use it', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    refuseGpt9(pool, 'a', 'b');
    for (const _try of ['from upstream', 'from memory']) {
      const response = await send(pool, asking('gpt-9'));
      expect(response).toMatchObject({ status: 400, headers: { 'x-of': 'upstream' } });
      expect(errorIn(response)).toEqual({ code: 'model_not_supported' });
    }
  });
});

describe('a reserve reached on all accounts', () => {
  it('is reported as the operator’s cap, not as a provider limit', async () => {
    const window = { usedPercent: 60, windowSeconds: 18_000, resetsInSeconds: 7_200 };
    await using pool = await startRanked({
      clock: new FakeClock(),
      prepare: (fakeUpstream) => void ['a', 'b'].map((name) => fakeUpstream.account(name).usage(window)),
    });
    for (const name of ['a', 'b'])
      await pool.client.patch(`/admin/accounts/${name}`).send({ reserve: 0.5 }).expect(200);
    const response = await send(pool);
    expect(response).toMatchObject({ status: 503, headers: { 'x-codex-pool-error': 'quota_reserved' } });
    expect(errorIn(response)).toMatchObject({ code: 'quota_reserved', type: 'pool_unavailable' });
    for (const word of ['a, b', 'reserve']) expect(errorIn(response).message).toContain(word);
    const codex = await send(pool, { headers: { originator: 'codex_cli_rs' } });
    expect(codex.status).toBe(400);
    expect(codex.body.equals(response.body)).toBe(true);
    expect(pool.fakeUpstream.turns()).toEqual([]);
    for (const name of ['a', 'b'])
      expect(await standing(pool, name)).toMatchObject({ available: false, reason: 'reserved' });
    await pool.client.patch('/admin/accounts/b').send({ reserve: 0 }).expect(200);
    await isServedBy(pool, 'b');
  });
});

describe('a turn state issued before a restart', () => {
  const continued = { headers: { ...session.headers, 'x-codex-turn-state': 'issued-by-a' } };

  it('goes only to the account that had the session', async () => {
    const first = await startRanked();
    first.fakeUpstream.account('a').turnState('issued-by-a');
    await isServedBy(first, 'a', session);
    await using pool = await first.restart();
    await movesToB(pool, [usageLimit()], continued);
    const sent = pool.fakeUpstream.turns().map((it) => it.headers['x-codex-turn-state']);
    expect(sent).toEqual([undefined, 'issued-by-a', undefined]);
    // The session is on b by now; the client still sends a's turn state.
    await isServedBy(pool, 'b', continued);
    expect(pool.fakeUpstream.turns().at(-1)?.headers).not.toHaveProperty('x-codex-turn-state');
  });
});

describe('a usage limit on a session route that is not a turn', () => {
  it('is passed on unchanged and takes the account out', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    const text = '{"error": {"type":"usage_limit_reached",\n "resets_in_seconds":3600}}';
    pool.fakeUpstream.on('POST', '/backend-api/codex/alpha/search', (_req, res) => {
      res.writeHead(429, { 'content-type': 'application/json', 'x-of': 'upstream' }).end(text);
    });
    const response = await send(pool, { path: '/v1/alpha/search', headers: session.headers });
    expect(response).toMatchObject({
      status: 429,
      headers: { 'x-of': 'upstream', 'x-codex-pool-account': 'a' },
    });
    expect(response.headers).not.toHaveProperty('x-codex-pool-error');
    expect(response.body.toString()).toBe(text);
    expect(await standing(pool, 'a')).toEqual(out('quota-exhausted', clock.now() + HOUR));
    expect(await standing(pool, 'b')).toEqual(free);
    await isServedBy(pool, 'b', session);
  });
});

describe('a pool with some accounts at their limit and one rate limited for 5 minutes', () => {
  it('reports a usage limit until the earliest quota reset', async () => {
    const clock = new FakeClock(1_900_000_000_000);
    await using pool = await startRanked({ accounts: ['a', 'b', 'c'], clock });
    pool.fakeUpstream.account('a').answers(usageLimit({ resetsInSeconds: 7_200 }));
    pool.fakeUpstream.account('b').answers(rateLimit(300));
    pool.fakeUpstream.account('c').answers(usageLimit({ resetsInSeconds: 3_600 }));
    const response = await send(pool);
    expect(response.status).toBe(429);
    expect(errorIn(response)).toMatchObject({
      type: 'usage_limit_reached',
      resets_at: (clock.now() + HOUR) / SECOND,
      resets_in_seconds: 3_600,
    });
  });
});

describe('a refused account', () => {
  it.each([['deactivated', deactivated()]])(
    '(%s) does not recover by the pool’s own token refresh, but by a new file',
    async (reason, refusal) => {
      const clock = new FakeClock();
      const a = { name: 'a', accessTokenLifetimeSeconds: 18 * 60 };
      await using pool = await startRanked({ accounts: [a, 'b'], clock });
      await movesToB(pool, [refusal]);
      const refused = await standing(pool, 'a');
      expect(refused).toMatchObject({ available: false, reason });
      pool.fakeUpstream.account('a').usageResponses(500, 'no poll of use');
      clock.advance(4 * MINUTE);
      await pool.running.app.get(TokenRefreshCron).run();
      expect(pool.fakeUpstream.tokens.requestsFor('a')).toHaveLength(1);
      expect(await pool.readAuth('a')).toEqual(pool.fakeUpstream.account('a').authJson());
      expect(await standing(pool, 'a')).toEqual(refused);
      await isServedBy(pool, 'b');
      await pool.writeAuth('a', pool.fakeUpstream.account('a').loginAgain());
      await pool.client.post('/admin/reload').expect(200);
      expect(await standing(pool, 'a')).toEqual(free);
      await isServedBy(pool, 'a');
    },
  );
});
