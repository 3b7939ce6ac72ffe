import { describe, expect, it } from 'vitest';
import { hangs, raw } from '../../../src/fake-upstream/script/responses.js';
import type { TestPool } from '../../support/pool/pool.js';
import {
  expectTurnOf,
  free,
  isServedBy,
  out,
  standing,
  startRanked,
  turnOf,
} from '../../support/pool/ranked-accounts.js';
import { leavingTurn, send } from '../../support/clients/raw-client.js';

const session = { headers: { 'session-id': 's-1' } };

/** Starts a session on `a`, limits `a` to one turn at a time, and fills it with a turn of another session. */
async function startFull(accounts = ['a', 'b']) {
  const pool = await startRanked({ accounts });
  await pool.client.patch('/admin/accounts/a').send({ maxInFlight: 1 }).expect(200);
  await isServedBy(pool, 'a', session);
  const silent = hangs(raw(turnOf('a'), { 'x-served-by': 'a' }));
  pool.fakeUpstream.account('a').answers(silent);
  const first = send(pool, { headers: { 'session-id': 's-0' } });
  first.catch(() => undefined); // the test that awaits it still sees the error
  await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 2, 'the turn that fills it');
  return { pool, silent, first };
}

/** Makes a few round trips; after them, earlier requests have got as far as they can. */
async function settled(pool: TestPool): Promise<void> {
  for (let i = 0; i < 5; i += 1) await pool.client.get('/admin/accounts').expect(200);
}

// Some tests wait for five seconds. Run concurrently, they wait once.
describe.concurrent('an account at its maximum of concurrent turns', () => {
  it('makes a turn of its session wait and serves it as soon as a slot is free', async () => {
    const { pool, silent, first } = await startFull();
    await using _pool = pool;
    expect(await standing(pool, 'a')).toEqual(out('full', null));
    const second = send(pool, session);
    await settled(pool);
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a']);
    silent.release();
    expectTurnOf('a', await first);
    expectTurnOf('a', await second);
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a', 'a']);
    expect(await pool.account('a')).toMatchObject({ ...free, inFlight: 0 });
  });

  it('makes a turn wait up to 5 s; then another account serves it, and the session keeps its own', async () => {
    const { pool, silent, first } = await startFull();
    await using _pool = pool;
    const askedAt = performance.now();
    await isServedBy(pool, 'b', session);
    const tookMs = performance.now() - askedAt;
    expect(tookMs).toBeGreaterThan(4_900);
    expect(tookMs).toBeLessThan(8_000);
    silent.release();
    expectTurnOf('a', await first);
    await isServedBy(pool, 'a', session);
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a', 'b', 'a']);
  });

  it('is skipped by a new session while another account is free', async () => {
    const { pool, silent, first } = await startFull();
    await using _pool = pool;
    const askedAt = performance.now();
    await isServedBy(pool, 'b', { headers: { 'session-id': 's-2' } });
    expect(performance.now() - askedAt).toBeLessThan(2_500);
    silent.release();
    await first;
  });

  it('is waited for while the only free account would spend credits', async () => {
    const { pool, silent, first } = await startFull();
    await using _pool = pool;
    const spent = { usedPercent: 100, windowSeconds: 18_000, resetsInSeconds: 7_200 };
    const credits = { hasCredits: true, unlimited: false, balance: '12.5' };
    pool.fakeUpstream.account('b').usage(spent).allows(true).credits(credits);
    await pool.client.post('/admin/accounts/b/poll').expect(200);
    const second = send(pool, { headers: { 'session-id': 's-2' } });
    await settled(pool);
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a']);
    silent.release();
    expectTurnOf('a', await first);
    expectTurnOf('a', await second);
  });

  it('gets no request for a client that leaves while it waits', async () => {
    const { pool, silent, first } = await startFull(['a']);
    await using _pool = pool;
    const client = leavingTurn(pool);
    await settled(pool);
    client.leave();
    await client.left;
    await settled(pool);
    silent.release();
    await first;
    await isServedBy(pool, 'a', session);
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a', 'a']);
    expect(await pool.account('a')).toMatchObject({ ...free, inFlight: 0 });
  });

  it('alone in its pool leads to 503 with Retry-After: 1 after the wait, and the repeat is served', async () => {
    const { pool, silent, first } = await startFull(['a']);
    await using _pool = pool;
    const response = await send(pool, session);
    expect(response).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1', 'x-codex-pool-error': 'pool_full' },
    });
    expect(JSON.parse(response.body.toString())).toMatchObject({ error: { type: 'pool_unavailable' } });
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a']);
    silent.release();
    await first;
    await isServedBy(pool, 'a', session);
  });
});
