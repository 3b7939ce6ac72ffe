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

/** The session is on `a`, where one turn may run at a time, and one of another session does. */
async function startFull(accounts = ['a', 'b']) {
  const pool = await startRanked({ accounts });
  await pool.client.patch('/admin/accounts/a').send({ maxInFlight: 1 }).expect(200);
  await isServedBy(pool, 'a', session);
  const silent = hangs(raw(turnOf('a'), { 'x-served-by': 'a' }));
  pool.fakeUpstream.account('a').answers(silent);
  const first = send(pool, { headers: { 'session-id': 's-0' } });
  first.catch(() => undefined); // who waits for it still gets it
  await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 2, 'the turn that fills it');
  return { pool, silent, first };
}

/** Round trips on the same way: what was sent before has got as far as it can. */
async function settled(pool: TestPool): Promise<void> {
  for (let i = 0; i < 5; i += 1) await pool.client.get('/admin/accounts').expect(200);
}

// Some of them wait for five seconds: together they wait once.
describe.concurrent('an account that has as many turns as it may', () => {
  it('is waited for by a turn of its session, which it serves as soon as it can', async () => {
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

  it('is waited for up to 5 s; then the turn goes elsewhere, and the session stays', async () => {
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

  it('is not waited for by a new session while another account is free', async () => {
    const { pool, silent, first } = await startFull();
    await using _pool = pool;
    const askedAt = performance.now();
    await isServedBy(pool, 'b', { headers: { 'session-id': 's-2' } });
    expect(performance.now() - askedAt).toBeLessThan(2_500);
    silent.release();
    await first;
  });

  it('is left by a client that goes while it waits: nothing is sent for it', async () => {
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

  it('alone in its pool is 503 with Retry-After: 1 after the wait, and the repeat is served', async () => {
    const { pool, silent, first } = await startFull(['a']);
    await using _pool = pool;
    const answer = await send(pool, session);
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1', 'x-codex-pool-error': 'pool_full' },
    });
    expect(JSON.parse(answer.body.toString())).toMatchObject({ error: { type: 'pool_unavailable' } });
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a']);
    silent.release();
    await first;
    await isServedBy(pool, 'a', session);
  });
});
