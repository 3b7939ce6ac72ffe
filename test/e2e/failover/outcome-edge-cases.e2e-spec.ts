import { describe, expect, it } from 'vitest';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { after, hangs, raw, refuses, streams } from '../../../src/fake-upstream/script/responses.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { rateLimit, usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { completed, created, delta, framed } from '../../../src/fake-upstream/script/turn-events.js';
import { FaultyRelay } from '../../support/network/faulty-relay.js';
import { FakeClock, SECOND } from '../../support/fake-clock.js';
import {
  expectQuiet,
  expectTurnOf,
  forgiven,
  free,
  isServedBy,
  movesToB,
  out,
  standing,
  startRanked,
  turnOf,
} from '../../support/pool/ranked-accounts.js';
import { deltasIn, send } from '../../support/clients/raw-client.js';

const ofA = { 'x-served-by': 'a' };
const session = { headers: { 'session-id': 's-1' } };

describe('dead keep-alive connections', () => {
  it('cost a turn one failed connection; the others are not tried', async () => {
    await using relay = await FaultyRelay.start();
    await using pool = await startRanked({
      accounts: ['a'],
      env: { ...relay.env, PROXY_MAX_ATTEMPTS: '1' },
      prepare: (fakeUpstream) => relay.leadTo(fakeUpstream.origin),
    });
    const together = Promise.withResolvers<void>();
    const held = () => after(together.promise, raw(turnOf('a'), ofA));
    pool.fakeUpstream.account('a').answers(held(), held(), held());
    const warming = [1, 2, 3].map(async () => send(pool));
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 3, 'three turns');
    together.resolve();
    for (const it of await Promise.all(warming)) expectTurnOf('a', it);
    await expectQuiet(pool);
    expect(relay.age()).toBe(3);
    await isServedBy(pool, 'a');
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a', 'a', 'a']);
    expect(await standing(pool, 'a')).toEqual(free);
  });
});

describe('concurrent turns that fail together', () => {
  it('count as one rate limit: the account is out for 2 s, whatever their number', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    const held = [1, 2, 3, 4, 5].map(() => hangs(rateLimit()));
    pool.fakeUpstream.account('a').answers(...held);
    const turns = held.map(async () => send(pool));
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 5, 'five turns');
    clock.advance(1);
    for (const it of held) it.release();
    for (const it of await Promise.all(turns)) expectTurnOf('b', it);
    expect(await standing(pool, 'a')).toEqual(out('rate-limited', clock.now() + 2 * SECOND));
  });

  it('count as one cut stream: the account stays in, and two more cuts take it out', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    const running = [1, 2, 3].map(() => controlled());
    pool.fakeUpstream.account('a').answers(...running.map((it) => it.response));
    const turns = running.map(async () => send(pool));
    for (const it of running) {
      await it.started;
      it.send(created(), delta('one'));
    }
    await expect.poll(async () => (await pool.account('a')).lastSuccessAt).not.toBeNull();
    clock.advance(1);
    for (const it of running) it.cut();
    for (const it of await Promise.all(turns)) {
      expect(it).toMatchObject({ isBroken: true, headers: { 'x-codex-pool-account': 'a' } });
      expect(deltasIn(it.body)).toEqual(['one']);
    }
    await expectQuiet(pool);
    expect(await standing(pool, 'a')).toEqual(free);
    for (const _turn of [1, 2]) {
      pool.fakeUpstream.account('a').answers(streams({ deltas: ['one'], thenCut: true }));
      expect(await send(pool)).toMatchObject({ isBroken: true });
      await expectQuiet(pool);
    }
    expect(await standing(pool, 'a')).toEqual(out('upstream-error', clock.now() + 30 * SECOND));
  });
});

describe('an event stream that ends cleanly', () => {
  it.concurrent.each<[string, ScriptedResponse]>([
    ['after response.created', streams({ events: [created('resp_of_a')] })],
    ['before any event', raw(Buffer.from(''))],
  ])(
    '%s is an incomplete turn: another account serves and the client sees only its response',
    async (_when, response) => {
      await using pool = await startRanked({ clock: new FakeClock() });
      expect(await movesToB(pool, [response, response])).toEqual(['a', 'a', 'b']);
      for (const name of ['a', 'b']) expect(await standing(pool, name)).toEqual(free);
    },
  );

  it.concurrent('is a complete turn even if its last event lacks the blank line', async () => {
    await using pool = await startRanked();
    const bytes = Buffer.from(framed(created()) + framed(completed()).trimEnd());
    pool.fakeUpstream.account('a').answers(raw(bytes, ofA));
    const response = await send(pool);
    expect(response).toMatchObject({
      status: 200,
      isBroken: false,
      headers: { 'x-codex-pool-account': 'a' },
    });
    expect(response.body.toString()).toBe(bytes.toString());
    expect(pool.fakeUpstream.attempts()).toEqual(['a']);
  });
});

describe('a slow turn', () => {
  it('does not bring its session back to the account it has left', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    await isServedBy(pool, 'a', session);
    const slow = hangs(raw(turnOf('a'), ofA));
    pool.fakeUpstream.account('a').answers(slow);
    const first = send(pool, session);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 2, 'the slow turn');
    clock.advance(SECOND);
    await movesToB(pool, [usageLimit()], session);
    clock.advance(SECOND);
    slow.release();
    expectTurnOf('a', await first);
    await forgiven(pool);
    expect(await standing(pool, 'a')).toEqual(free);
    await isServedBy(pool, 'b', session);
  });
});

describe('a limit that upstream states', () => {
  const message = 'Rate limit reached. Please try again in 6m0s.';
  it.each<[string, ScriptedResponse, string, number]>([
    [
      '503 slow_down with Retry-After',
      refuses(503, { error: { code: 'slow_down' } }, { 'retry-after': '20' }),
      'rate-limited',
      20,
    ],
    [
      '429 in minutes and seconds',
      refuses(429, { error: { code: 'rate_limit_exceeded', message } }),
      'rate-limited',
      360,
    ],
    [
      '429 with the reset time next to a top-level code',
      refuses(429, { code: 'usage_limit_reached', resets_in_seconds: 7_200 }),
      'quota-exhausted',
      7_200,
    ],
  ])('as %s takes the account out for that long, and another account serves', async (...row) => {
    const [, response, reason, seconds] = row;
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    expect(await movesToB(pool, [response])).toEqual(['a', 'b']);
    expect(await standing(pool, 'a')).toEqual(out(reason, clock.now() + seconds * SECOND));
    expect(await standing(pool, 'b')).toEqual(free);
  });
});
