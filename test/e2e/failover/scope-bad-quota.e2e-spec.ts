import { describe, expect, it } from 'vitest';
import { SPARK_MODEL } from '../../../src/fake-upstream/script/meter.js';
import { streams } from '../../../src/fake-upstream/script/responses.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { FakeClock } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import { free, isServedBy, standing, startRanked } from '../../support/pool/ranked-accounts.js';
import { asking, everyone, expectAllFree, refusing, servesAll, turn } from '../../support/pool/scope.js';

const window = (usedPercent: unknown) => ({
  used_percent: usedPercent,
  limit_window_seconds: 18_000,
  reset_after_seconds: 7_200,
});
const rateLimitOf = (usedPercent: unknown) => ({
  primary_window: window(usedPercent),
  secondary_window: null,
});
const usage = (fields: object) => ({ plan_type: 'plus', rate_limit: rateLimitOf(10), ...fields });
const meterOf = (fields: object) => ({
  limit_name: 'GPT-5.3-Codex-Spark',
  metered_feature: 'codex_bengalfox',
  normal_model_slug: 'gpt-5.3-codex',
  rate_limit: rateLimitOf(100),
  ...fields,
});

/** Starts a pool in which the usage of `a` has this body. */
const startWith = async (body: object): Promise<TestPool> =>
  startRanked({
    clock: new FakeClock(),
    prepare: (it) => void it.account('a').usageResponses(200, body),
  });

describe('bad meters in a poll', () => {
  const many = Array.from({ length: 1_000 }, (_, index) =>
    meterOf({
      limit_name: `Meter ${index}`,
      metered_feature: `codex_${index}`,
      normal_model_slug: `m-${index}`,
    }),
  );
  it.each<[string, unknown]>([
    ['null', null],
    ['an object', { limit_name: 'x' }],
    ['text', 'none'],
    ['a number', 3],
    ['an empty list', []],
    ['a list of null', [null, null]],
    ['a list of text', ['codex_bengalfox']],
    ['a list in a list', [[meterOf({})]]],
    ['1,000 entries', many],
    ['an entry without a name', [meterOf({ limit_name: null, metered_feature: null })]],
    ['names of the wrong type', [meterOf({ limit_name: 4, metered_feature: {}, normal_model_slug: [] })]],
    ['an entry without a limit', [meterOf({ rate_limit: null })]],
    ['a limit as text', [meterOf({ rate_limit: 'full' })]],
    ['a percentage as text', [meterOf({ rate_limit: rateLimitOf('100 %') })]],
    [
      'allowed as text',
      [meterOf({ rate_limit: { ...rateLimitOf(10), allowed: 'no', limit_reached: 'yes' } })],
    ],
    ['a name of 100,000 characters', [meterOf({ metered_feature: 'x'.repeat(100_000) })]],
    ['a name like a property of every object', [meterOf({ metered_feature: '__proto__' })]],
    ['the name of the general meter', [meterOf({ metered_feature: 'codex', limit_name: 'codex' })]],
  ])('do not affect the general quota: additional_rate_limits is %s', async (_case, meters) => {
    await using pool = await startWith(usage({ additional_rate_limits: meters }));
    expect(await standing(pool, 'a')).toEqual(free);
    expect(await pool.account('a')).toMatchObject({ windows: [{ durationSeconds: 18_000, usedRatio: 0.1 }] });
    await isServedBy(pool, 'a', asking('gpt-5.5'));
    await pool.client.get('/metrics').expect(200);
    await pool.client.get('/backend-api/wham/usage').expect(200);
  });

  it('do not hide the good ones beside them', async () => {
    const meters = [null, 'x', meterOf({ rate_limit: 'full' }), meterOf({})];
    await using pool = await startWith(usage({ additional_rate_limits: meters }));
    expect(await isServedBy(pool, 'b', asking(SPARK_MODEL))).toEqual(['b']);
    expect(await isServedBy(pool, 'a', asking('gpt-5.5'))).toEqual(['a']);
  });
});

describe('bad credits in a poll', () => {
  it.each<[string, unknown]>([
    ['text', 'none'],
    ['a number', 12.5],
    ['a list', [{ has_credits: true }]],
    ['null', null],
    ['of wrong types', { has_credits: 'yes', unlimited: 1, balance: {} }],
    ['with a balance as a word', { has_credits: true, unlimited: false, balance: 'many' }],
    ['with a negative balance', { has_credits: true, unlimited: false, balance: '-3' }],
    ['with a huge balance', { has_credits: true, unlimited: false, balance: '9'.repeat(400) }],
  ])('do not affect the general quota: %s', async (_case, credits) => {
    await using pool = await startWith(usage({ credits }));
    expect(await standing(pool, 'a')).toEqual(free);
    expect(await pool.account('a')).toMatchObject({ windows: [{ usedRatio: 0.1 }] });
    await isServedBy(pool, 'a');
    await pool.client.get('/metrics').expect(200);
  });

  it.each<[string, unknown]>([
    ['text', 'none'],
    ['null', null],
    ['of wrong types', { has_credits: 'yes', unlimited: 'no', balance: {} }],
  ])('do not count as credits at 100 %: %s', async (_case, credits) => {
    await using pool = await startWith(usage({ rate_limit: rateLimitOf(100), credits }));
    expect(await standing(pool, 'a')).toMatchObject({ available: false, reason: 'quota-exhausted' });
    expect(await isServedBy(pool, 'b')).toEqual(['b']);
  });

  it.each([
    ['text', 'no'],
    ['a number', 0],
    ['null', null],
  ])('leave the decision to the windows when allowed is %s', async (_case, allowed) => {
    await using pool = await startWith(usage({ rate_limit: { ...rateLimitOf(60), allowed } }));
    expect(await standing(pool, 'a')).toEqual(free);
  });
});

describe('bad quota in headers', () => {
  it.each<[string, Record<string, string>]>([
    ['credits as words', { 'x-codex-credits-has-credits': 'perhaps', 'x-codex-credits-balance': 'many' }],
    ['an empty meter', { 'x-codex-active-limit': '' }],
    ['an unknown meter', { 'x-codex-active-limit': 'codex_made_up' }],
    ['a meter with odd characters', { 'x-codex-active-limit': 'codex/../%00 ;x' }],
    ['a meter of 8,000 characters', { 'x-codex-active-limit': 'x'.repeat(8_000) }],
    [
      '200 meters',
      Object.fromEntries(
        Array.from({ length: 200 }, (_, i) => [`x-codex-m${i}-primary-used-percent`, '100']),
      ),
    ],
  ])('does not affect the next turn: %s', async (_case, headers) => {
    await using pool = await startRanked({ clock: new FakeClock(), accounts: ['a'] });
    pool.fakeUpstream.account('a').answers(streams({ headers }));
    expect((await turn(pool)).response.status).toBe(200);
    expect(await standing(pool, 'a')).toEqual(free);
    await isServedBy(pool, 'a');
  });
});

describe('the limit of an unknown meter', () => {
  it.each([
    ['named in the header', usageLimit({ meter: 'codex_made_up' })],
    ['named in the body', usageLimit({ meter: 'Made up, with spaces', meterIn: 'limit_name' })],
    [
      'named by both',
      usageLimit({ meter: 'codex_x', meterIn: 'limit_name', headers: { 'x-codex-active-limit': 'codex_y' } }),
    ],
    ['with a name like a property', usageLimit({ meter: 'constructor', meterIn: 'metered_limit_name' })],
    ['with a name of 10,000 characters', usageLimit({ meter: 'x'.repeat(10_000), meterIn: 'limit_name' })],
  ])('takes no account out: %s', async (_case, refusal) => {
    await using pool = await startRanked({ clock: new FakeClock() });
    everyone(pool, refusing('gpt-9', refusal));
    expect(await turn(pool, asking('gpt-9'))).toMatchObject({ response: { status: 429 }, asked: ['a', 'b'] });
    await expectAllFree(pool);
    expect(await isServedBy(pool, 'a', asking('gpt-5.5'))).toEqual(['a']);
  });

  it('takes bounded space in the account’s state, however many such meters there are', async () => {
    await using pool = await startRanked({ clock: new FakeClock(), accounts: ['a'] });
    const account = pool.fakeUpstream.account('a');
    for (let i = 0; i < 300; i += 1) {
      account.answers(usageLimit({ meter: `codex_${i}` }));
      expect((await turn(pool, asking(`made-up-${i}`))).response.status).toBe(429);
    }
    servesAll(pool);
    expect(await isServedBy(pool, 'a', asking('gpt-5.5'))).toEqual(['a']);
    expect(JSON.stringify(await pool.account('a')).length).toBeLessThan(64 * 1_024);
  });
});
