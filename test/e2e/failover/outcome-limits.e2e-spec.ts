import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { byModel, failedFirst, raw, refuses } from '../../../src/fake-upstream/script/responses.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { rateLimit, usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { completed, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { DAY, FakeClock, HOUR, MINUTE, SECOND } from '../../support/fake-clock.js';
import { aTurn, type TestPool } from '../../support/pool/pool.js';
import {
  forgiven,
  free,
  isServedBy,
  movesToB,
  out,
  standing,
  startRanked,
  turnOf,
} from '../../support/pool/ranked-accounts.js';
import { send } from '../../support/clients/raw-client.js';

const inAnHour = (clock: FakeClock): number => Math.floor(clock.now() / SECOND) + 3_600;
const poll = async (pool: TestPool) => pool.client.post('/admin/accounts/a/poll').expect(200);
const asking = (model: string) => ({ body: JSON.stringify(aTurn({ model })) });
const full = { usedPercent: 100, windowSeconds: 18_000, resetsInSeconds: 1_800 };

// One pool for the tests that leave no trace on it; account evidence is cleared after each.
const clock = new FakeClock(Math.ceil(Date.now() / SECOND) * SECOND);
let pool: TestPool;
beforeAll(async () => {
  pool = await startRanked({ clock });
});
afterEach(async () => forgiven(pool));
afterAll(async () => pool[Symbol.asyncDispose]());

describe('quota-exhausted', () => {
  it.each<[string, (resetsAt: number) => ScriptedResponse]>([
    ['429 usage_limit_reached', (resetsAt) => usageLimit({ resetsAt })],
    [
      'a stream that begins with usage_limit_reached',
      (resets_at) => ({
        ...failedFirst('usage_limit_reached', 'no quota', { resets_at }),
        headers: { 'x-of': 'a' },
      }),
    ],
  ])(
    '%s moves the turn to another account and takes the first one out until resets_at',
    async (_case, refusal) => {
      const resetsAt = inAnHour(clock);
      const before = await pool.account('a');
      expect(await movesToB(pool, [refusal(resetsAt)])).toEqual(['a', 'b']);
      expect(await standing(pool, 'a')).toEqual(out('quota-exhausted', resetsAt * SECOND));
      expect(await standing(pool, 'b')).toEqual(free);
      const { totals, lastSuccessAt } = before;
      expect(await pool.account('a')).toMatchObject({ totals, lastSuccessAt });
      clock.advance(resetsAt * SECOND - clock.now() - 1);
      expect(await isServedBy(pool, 'b')).toEqual(['b']);
      clock.advance(1);
      expect(await standing(pool, 'a')).toEqual(free);
      expect(await isServedBy(pool, 'a')).toEqual(['a']);
    },
  );

  it.each<[string, Parameters<typeof usageLimit>[0], number]>([
    ['resets_in_seconds', { resetsInSeconds: 90 }, 90 * SECOND],
    [
      'the time until resets_at, which wins over resets_in_seconds',
      { resetsAt: 0, resetsInSeconds: 1 },
      HOUR,
    ],
    ['at most the longest window', { resetsInSeconds: 90 * 86_400 }, 7 * DAY],
  ])('takes the account out for %s', async (_how, stated, pauseMs) => {
    const limit = stated?.resetsAt === 0 ? { ...stated, resetsAt: inAnHour(clock) } : stated;
    expect(await movesToB(pool, [usageLimit(limit)])).toEqual(['a', 'b']);
    expect(await standing(pool, 'a')).toEqual(out('quota-exhausted', clock.now() + pauseMs));
  });

  it('takes the account out until the reset of its fullest window when upstream states no time', async () => {
    const time = new FakeClock(); // upstream states windows by the real clock
    await using own = await startRanked({ clock: time });
    expect(await movesToB(own, [usageLimit({ resetsAt: null })])).toEqual(['a', 'b']);
    const { windows } = await own.account('a');
    expect(windows).toMatchObject([{ usedRatio: 0.04 }, { usedRatio: 0.02 }]);
    expect(await standing(own, 'a')).toEqual(out('quota-exhausted', windows[0].resetsAt));
  });

  it('takes the account out for 5 minutes when neither a time nor a window is known', async () => {
    const time = new FakeClock();
    await using own = await startRanked({
      clock: time,
      prepare: (fakeUpstream) => void fakeUpstream.account('a').usage(null, null),
    });
    expect(await movesToB(own, [usageLimit({ resetsAt: null })])).toEqual(['a', 'b']);
    expect(await standing(own, 'a')).toEqual(out('quota-exhausted', time.now() + 5 * MINUTE));
  });

  it('is ended only by a later poll that finds no window full', async () => {
    const time = new FakeClock(); // upstream states windows by the real clock
    await using own = await startRanked({ clock: time });
    const until = inAnHour(time) * SECOND;
    await movesToB(own, [usageLimit({ resetsAt: until / SECOND })]);
    await poll(own); // at the same instant as the refusal
    expect(await standing(own, 'a')).toEqual(out('quota-exhausted', until));
    time.advance(1);
    own.fakeUpstream.account('a').usage(full);
    await poll(own);
    expect(await standing(own, 'a')).toEqual(out('quota-exhausted', until));
    own.fakeUpstream.account('a').usage({ ...full, usedPercent: 10 });
    await poll(own);
    expect(await standing(own, 'a')).toEqual(free);
    await isServedBy(own, 'a');
  });

  it('is not ended by the success of a turn that began before it', async () => {
    const time = new FakeClock();
    await using own = await startRanked({ clock: time });
    const older = controlled();
    own.fakeUpstream.account('a').answers(older.response);
    const pending = send(own);
    await older.started;
    time.advance(SECOND);
    const until = inAnHour(time) * SECOND;
    await movesToB(own, [usageLimit({ resetsAt: until / SECOND })]);
    older.send(delta('late'), completed());
    older.end();
    expect(await pending).toMatchObject({ status: 200, headers: { 'x-codex-pool-account': 'a' } });
    expect(await standing(own, 'a')).toEqual(out('quota-exhausted', until));
  });
});

describe('rate-limited', () => {
  it.each<[string, ScriptedResponse, number]>([
    ['a bare 429', refuses(429, ''), 2 * SECOND],
    ['429 with only a message', rateLimit(undefined, 'Too many requests'), 2 * SECOND],
    ['429 rate_limit_exceeded', rateLimit(), 2 * SECOND],
    ['429 slow_down', refuses(429, { error: { code: 'slow_down' } }), 2 * SECOND],
    ['429 with a Retry-After', rateLimit(7, 'try again in 30s'), 7 * SECOND],
    ['429 with “try again in 1.5s”', rateLimit(undefined, 'Please try again in 1.5s.'), 1.5 * SECOND],
    ['a stream that begins with rate_limit_exceeded', failedFirst('rate_limit_exceeded'), 2 * SECOND],
    ['a stream that begins with slow_down', failedFirst('slow_down', 'try again in 9s'), 9 * SECOND],
  ])(
    '%s moves the turn to another account and takes the first one out for the stated time, else 2 s',
    async (_case, refusal, pauseMs) => {
      expect(await movesToB(pool, [refusal])).toEqual(['a', 'b']);
      expect(await standing(pool, 'a')).toEqual(out('rate-limited', clock.now() + pauseMs));
      expect(await standing(pool, 'b')).toEqual(free);
      clock.advance(pauseMs - 1);
      await isServedBy(pool, 'b');
      clock.advance(1);
      expect(await standing(pool, 'a')).toEqual(free);
      await isServedBy(pool, 'a');
    },
  );

  it('doubles up to a minute when repeated and resets after a success', async () => {
    for (const seconds of [2, 4, 8, 16, 32, 60, 60]) {
      expect(await movesToB(pool, [rateLimit()])).toEqual(['a', 'b']);
      expect(await standing(pool, 'a')).toEqual(out('rate-limited', clock.now() + seconds * SECOND));
      clock.advance(seconds * SECOND);
    }
    await isServedBy(pool, 'a');
    await movesToB(pool, [rateLimit()]);
    expect(await standing(pool, 'a')).toEqual(out('rate-limited', clock.now() + 2 * SECOND));
    clock.advance(1);
    await poll(pool);
    expect(await standing(pool, 'a')).toEqual(free);
  });
});

describe('not-entitled', () => {
  const notSupported = "The 'gpt-9' model is not supported when using Codex with a ChatGPT account.";
  it.each<[string, ScriptedResponse]>([
    ['429 usage_not_included', refuses(429, { error: { type: 'usage_not_included', message: 'no' } })],
    ['a stream that begins with usage_not_included', failedFirst('usage_not_included')],
    ['400 that calls a model not supported', refuses(400, { detail: notSupported })],
    ['400 model_not_supported', refuses(400, { error: { code: 'model_not_supported' } })],
  ])(
    '%s moves the turn and keeps only this model away from the account for an hour',
    async (_case, refusal) => {
      const ours = raw(turnOf('a'), { 'x-served-by': 'a' });
      pool.fakeUpstream.account('a').always(byModel((model) => (model === 'gpt-9' ? refusal : ours)));
      expect(await isServedBy(pool, 'b', asking('gpt-9'))).toEqual(['a', 'b']);
      expect(await standing(pool, 'a')).toEqual(free);
      expect(await isServedBy(pool, 'a', asking('gpt-5.5'))).toEqual(['a']);
      clock.advance(HOUR - 1);
      expect(await isServedBy(pool, 'b', asking('gpt-9'))).toEqual(['b']);
      clock.advance(1);
      pool.fakeUpstream.account('a').always(ours);
      expect(await isServedBy(pool, 'a', asking('gpt-9'))).toEqual(['a']);
    },
  );
});
