import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { spark, SPARK_MODEL } from '../../../src/fake-upstream/script/meter.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { raw, refuses, streams } from '../../../src/fake-upstream/script/responses.js';
import type { ScriptedResponse } from '../../../src/fake-upstream/script/scripted-response.js';
import { created, failed } from '../../../src/fake-upstream/script/turn-events.js';
import { FakeClock, SECOND } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import { isServedBy, startRanked, turnOf } from '../../support/pool/ranked-accounts.js';
import { asking, everyone, expectAllFree, refusing, startOver, turn } from '../../support/pool/scope.js';

const OTHER_MODEL = 'gpt-5.5';
const meter = 'codex_bengalfox';

let pool: TestPool;
beforeAll(async () => {
  pool = await startRanked({ clock: new FakeClock() });
});
afterEach(async () => startOver(pool));
afterAll(async () => pool[Symbol.asyncDispose]());

const atTheTop = { ...failed('usage_limit_reached', 'no'), metered_limit_name: meter };
const ofTenMB = {
  error: { type: 'usage_limit_reached', metered_limit_name: meter, message: 'no', resets_in_seconds: 3_600 },
  padding: 'x'.repeat(10_000_000),
};
const limitAt = (used_percent: number) => ({
  primary_window: { used_percent, limit_window_seconds: 18_000, reset_after_seconds: 7_200 },
});
const eventOfTenMB = {
  type: 'response.failed',
  response: {
    status: 'failed',
    error: { code: 'usage_limit_reached', metered_limit_name: meter, message: 'no' },
  },
  padding: 'x'.repeat(10_000_000),
};

describe('the name of a meter', () => {
  it.each<[string, ScriptedResponse]>([
    ['in Chinese', usageLimit({ meter: '火花', meterIn: 'limit_name' })],
    ['in Cyrillic', usageLimit({ meter: 'тест', meterIn: 'limit_name' })],
    ['of punctuation alone', usageLimit({ meter: '***', meterIn: 'limit_name' })],
    ['at the top level of response.failed', streams({ events: [created(), atTheTop] })],
    ['at the beginning of 10 MB', refuses(429, ofTenMB)],
    ['at the beginning of an event of 10 MB', streams({ events: [created(), eventOfTenMB] })],
  ])('(%s) is recognized: its limit takes no account out', async (_case, refusal) => {
    everyone(pool, refusing(SPARK_MODEL, refusal));
    expect((await turn(pool, asking(SPARK_MODEL))).asked).toEqual(['a', 'b']);
    await expectAllFree(pool);
    expect(await isServedBy(pool, 'a', asking(OTHER_MODEL))).toEqual(['a']);
  });

  it('is shown in the admin API when its limit keeps models away', async () => {
    pool.fakeUpstream.account('a').answers(usageLimit({ meter }));
    await turn(pool, asking(SPARK_MODEL));
    expect(JSON.stringify(await pool.account('a'))).toContain(meter);
    expect(JSON.stringify(await pool.account('b'))).not.toContain(meter);
  });

  it('for people, in a refusal before any poll has told its name on the wire, is that of a later poll', async () => {
    const clock = new FakeClock();
    await using own = await startRanked({ clock, accounts: ['a'] });
    own.fakeUpstream
      .account('a')
      .answers(usageLimit({ meter: 'GPT-5.3-Codex-Spark', meterIn: 'limit_name' }))
      .meters(spark(20));
    expect((await turn(own, asking(SPARK_MODEL))).response.status).toBe(429);
    expect((await turn(own, asking(SPARK_MODEL))).asked).toEqual([]);
    clock.advance(SECOND);
    await own.client.post('/admin/accounts/a/poll').expect(200);
    expect(await isServedBy(own, 'a', asking(SPARK_MODEL))).toEqual(['a']);
  });

  it('for people, that only the headers of a refusal have told, says which models the meter counts', async () => {
    const headers = {
      'x-codex-bengalfox-primary-used-percent': '10',
      'x-codex-bengalfox-primary-window-minutes': '300',
      'x-codex-bengalfox-limit-name': 'GPT-5.3-Codex-Spark',
    };
    await using own = await startRanked({ clock: new FakeClock(), accounts: ['a'] });
    own.fakeUpstream.account('a').answers(usageLimit({ headers }));
    expect((await turn(own, asking(OTHER_MODEL))).response.status).toBe(429);
    expect(await isServedBy(own, 'a', asking(SPARK_MODEL))).toEqual(['a']);
    expect((await turn(own, asking(OTHER_MODEL))).asked).toEqual([]);
  });

  it('is found among a thousand meters', async () => {
    const others = Array.from({ length: 999 }, (_, i) => ({
      limit_name: `M ${i}`,
      metered_feature: `codex_m${i}`,
      rate_limit: limitAt(10),
    }));
    const last = { limit_name: SPARK_MODEL, metered_feature: meter, rate_limit: limitAt(10) };
    const usage = { plan_type: 'plus', rate_limit: limitAt(100), additional_rate_limits: [...others, last] };
    await using own = await startRanked({
      clock: new FakeClock(),
      accounts: ['a'],
      prepare: (it) => void it.account('a').usageResponses(200, usage),
    });
    expect((await turn(own, asking(OTHER_MODEL))).asked).toEqual([]);
    expect(await isServedBy(own, 'a', asking(SPARK_MODEL))).toEqual(['a']);
  });

  it('in the head of a response with room says nothing about the limit of another meter', async () => {
    const clock = new FakeClock();
    await using own = await startRanked({ clock, accounts: ['a'] });
    own.fakeUpstream.account('a').usage();
    const headers = {
      'x-served-by': 'a',
      'x-codex-active-limit': meter,
      'x-codex-bengalfox-primary-used-percent': '20',
      'x-codex-bengalfox-primary-window-minutes': '300',
      'x-codex-bengalfox-limit-name': SPARK_MODEL,
    };
    own.fakeUpstream.account('a').answers(raw(turnOf('a'), headers), usageLimit({ resetsInSeconds: 3_600 }));
    expect(await isServedBy(own, 'a', asking(SPARK_MODEL))).toEqual(['a']);
    expect((await turn(own, asking(OTHER_MODEL))).response.status).toBe(429);
    clock.advance(SECOND);
    own.fakeUpstream.account('a').answers(raw(turnOf('a'), headers));
    expect(await isServedBy(own, 'a', asking(SPARK_MODEL))).toEqual(['a']);
    expect((await turn(own, asking(OTHER_MODEL))).asked).toEqual([]);
  });
});
