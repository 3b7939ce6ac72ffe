import { describe, expect, it } from 'vitest';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { streams } from '../../../src/fake-upstream/script/responses.js';
import { rateLimit, usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { FakeClock, HOUR, MINUTE, SECOND } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import {
  free,
  isServedBy,
  movesToB,
  out,
  standing,
  startRanked,
} from '../../support/pool/ranked-accounts.js';
import { deltasIn, send } from '../../support/clients/raw-client.js';

const poll = async (pool: TestPool) => pool.client.post('/admin/accounts/a/poll').expect(200);

/** Sends a turn that `a` breaks off after the commit. */
async function cutTurn(pool: TestPool): Promise<void> {
  const before = pool.fakeUpstream.attempts().length;
  pool.fakeUpstream.account('a').answers(streams({ deltas: ['one'], thenCut: true }));
  const response = await send(pool);
  expect(response).toMatchObject({ isBroken: true, headers: { 'x-codex-pool-account': 'a' } });
  expect(deltasIn(response.body)).toEqual(['one']);
  expect(pool.fakeUpstream.attempts().slice(before)).toEqual(['a']);
}

describe('a cut stream', () => {
  it('takes the account out at the third in a row, for 30 s, doubling up to 5 minutes', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    for (let turn = 1; turn <= 2; turn += 1) {
      await cutTurn(pool);
      expect(await standing(pool, 'a')).toEqual(free);
    }
    for (const seconds of [30, 60, 120, 240, 300, 300]) {
      await cutTurn(pool);
      const coolingDown = out('upstream-error', clock.now() + seconds * SECOND);
      await expect.poll(async () => standing(pool, 'a')).toEqual(coolingDown);
      await isServedBy(pool, 'b');
      clock.advance(seconds * SECOND);
      expect(await standing(pool, 'a')).toEqual(free);
    }
  });

  it('resets the count when a later stream completes', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    for (let round = 1; round <= 3; round += 1) {
      await cutTurn(pool);
      await cutTurn(pool);
      await isServedBy(pool, 'a');
      expect(await standing(pool, 'a')).toEqual(free);
    }
  });

  it('is counted per account', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    const [a] = pool.registry.list();
    await cutTurn(pool);
    await cutTurn(pool);
    if (a !== undefined) a.settings = { ...a.settings, isPaused: true };
    for (let turn = 1; turn <= 2; turn += 1) {
      pool.fakeUpstream.account('b').answers(streams({ deltas: ['one'], thenCut: true }));
      expect(await send(pool)).toMatchObject({ isBroken: true, headers: { 'x-codex-pool-account': 'b' } });
    }
    expect(await standing(pool, 'b')).toEqual(free);
  });
});

describe('a refusal within 60 s of the poll that ended the cooldown', () => {
  const limit = usageLimit({ resetsInSeconds: 3_600 });

  it.each<[string, ScriptedResponse, number]>([
    ['quota-exhausted', limit, HOUR],
    ['rate-limited', rateLimit(600), 10 * MINUTE],
  ])('keeps a %s account out until a poll at least 60 s later', async (reason, refusal, pauseMs) => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    await movesToB(pool, [refusal]);
    clock.advance(1);
    await poll(pool);
    expect(await standing(pool, 'a')).toEqual(free);
    clock.advance(59 * SECOND);
    await movesToB(pool, [refusal]);
    const refusedAt = clock.now();
    for (const afterMs of [1, 59 * SECOND]) {
      clock.advance(refusedAt + afterMs - clock.now());
      await poll(pool);
      expect(await standing(pool, 'a')).toEqual(out(reason, refusedAt + pauseMs));
      await isServedBy(pool, 'b');
    }
    clock.advance(2 * SECOND);
    await poll(pool);
    expect(await standing(pool, 'a')).toEqual(free);
    await isServedBy(pool, 'a');
  });

  it('has no effect on polls once the 60 s are over', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    for (let round = 1; round <= 3; round += 1) {
      await movesToB(pool, [limit]);
      clock.advance(SECOND);
      await poll(pool);
      expect(await standing(pool, 'a')).toEqual(free);
      clock.advance(61 * SECOND);
    }
  });
});
