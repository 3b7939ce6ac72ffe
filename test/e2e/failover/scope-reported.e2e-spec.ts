import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Credits } from '../../../src/fake-upstream/script/account-quota.js';
import { creditCodes, creditsExhausted } from '../../../src/fake-upstream/script/field-refusals.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { failedFirst, refuses, streams } from '../../../src/fake-upstream/script/responses.js';
import { FakeClock, SECOND } from '../../support/fake-clock.js';
import { TestPool } from '../../support/pool/pool.js';
import { expectTurnOf, free, isServedBy, standing, startRanked } from '../../support/pool/ranked-accounts.js';
import { polled } from '../../support/pool/first-poll.js';
import { errorIn, everyone, expectAllFree, inSession, startOver, turn } from '../../support/pool/scope.js';

const at = (usedPercent: number) => ({ usedPercent, windowSeconds: 18_000, resetsInSeconds: 7_200 });
const unlimited: Credits = { hasCredits: true, unlimited: true, balance: null };
const balance: Credits = { hasCredits: true, unlimited: false, balance: '12.5' };
const never = { credits: 'never' };

describe('the codes of spent credits', () => {
  const clock = new FakeClock();
  let pool: TestPool;
  beforeAll(async () => {
    pool = await startRanked({ clock });
  });
  afterEach(async () => startOver(pool));
  afterAll(async () => pool[Symbol.asyncDispose]());

  const codes = [...creditCodes, 'insufficient_quota'];
  const statuses = [400, 402, 403, 429, 503];
  const rows = codes.flatMap((code) => [
    ...statuses.map((status) => [code, String(status), creditsExhausted(code, status)] as const),
    [code, 'first event', failedFirst(code)] as const,
    [code, '403 at the top level', refuses(403, { code, message: 'no' })] as const,
    [code, '429 as text in error', refuses(429, { error: code })] as const,
    [code, '402 in detail', refuses(402, { detail: { code } })] as const,
    [code, '402 as text in detail', refuses(402, { detail: code })] as const,
  ]);
  it.each(rows)('count as spent quota: %s as %s', async (_code, _place, refusal) => {
    pool.fakeUpstream.account('a').answers(refusal);
    const { response, asked } = await turn(pool);
    expectTurnOf('b', response);
    expect(asked).toEqual(['a', 'b']);
    expect(await standing(pool, 'a')).toMatchObject({ available: false, reason: 'quota-exhausted' });
    expect(await standing(pool, 'b')).toEqual(free);
  });

  it('from every account become one usage limit of the pool', async () => {
    everyone(pool, () => creditsExhausted('credit_balance_exhausted', 402));
    const { response } = await turn(pool);
    expect(response.status).toBe(429);
    expect(errorIn(response)).toMatchObject({ type: 'usage_limit_reached', resets_at: expect.any(Number) });
  });
});

describe('a full window in a poll', () => {
  it.each<[string, Credits | null]>([
    ['is allowed', null],
    ['is allowed with unlimited credits', unlimited],
    ['is allowed with a balance', balance],
  ])('leaves the account available if it %s', async (_case, credits) => {
    await using pool = await startRanked({
      accounts: ['a'],
      clock: new FakeClock(),
      prepare: (it) => void it.account('a').usage(at(100)).allows(true).credits(credits),
    });
    expect(await standing(pool, 'a')).toEqual(free);
    await isServedBy(pool, 'a');
    await isServedBy(pool, 'a');
  });

  it.each([
    ['unlimited', { has_credits: true, unlimited: true, balance: null }],
    ['a balance', { has_credits: true, unlimited: false, balance: '12.5' }],
    ['a balance as a number', { has_credits: true, unlimited: false, balance: 12.5 }],
  ])(
    'leaves the account available without a value for allowed but with credits (%s)',
    async (_case, credits) => {
      await using pool = await startRanked({
        accounts: ['a'],
        clock: new FakeClock(),
        prepare: (it) => void it.account('a').usageResponses(200, withoutAllowed(credits)),
      });
      expect(await standing(pool, 'a')).toEqual(free);
      await isServedBy(pool, 'a');
    },
  );

  it('takes the account out without a value for allowed and without credits', async () => {
    const credits = { has_credits: false, unlimited: false, balance: '0' };
    await using pool = await startRanked({
      accounts: ['a'],
      clock: new FakeClock(),
      prepare: (it) => void it.account('a').usageResponses(200, withoutAllowed(credits)),
    });
    expect(await standing(pool, 'a')).toMatchObject({ available: false, reason: 'quota-exhausted' });
    expect(await turn(pool)).toMatchObject({ asked: [], response: { status: 429 } });
  });

  it.each(['fill-first', 'sustainable-rate', 'round-robin', 'fewest-in-flight', 'most-quota-left'])(
    'ranks the account behind all accounts with quota left if it is allowed (%s)',
    async (policy) => {
      await using pool = await startRanked({
        clock: new FakeClock(),
        accounts: ['a', 'b', 'c'],
        env: { PROXY_POLICY: policy },
        prepare: (it) => {
          it.account('a').usage(at(100)).allows(true).credits(balance);
          it.account('b').usage(at(99));
          it.account('c').usage(at(97));
        },
      });
      for (let i = 0; i < 6; i += 1) {
        const { response } = await turn(pool, { headers: inSession(`ranked-${policy}-${i}`) });
        expect(response.headers['x-codex-pool-account']).not.toBe('a');
      }
      for (const name of ['b', 'c'])
        await pool.client.patch(`/admin/accounts/${name}`).send({ paused: true }).expect(200);
      expect(await isServedBy(pool, 'a')).toEqual(['a']);
    },
  );
});

function withoutAllowed(credits: object): object {
  const window = { used_percent: 100, limit_window_seconds: 18_000, reset_after_seconds: 7_200 };
  const reset_at = Math.floor(Date.now() / SECOND) + 7_200;
  return {
    plan_type: 'plus',
    rate_limit: { primary_window: { ...window, reset_at }, secondary_window: null },
    credits,
  };
}

describe('allowed: false', () => {
  it('takes the account out at 60 %', async () => {
    await using pool = await startRanked({
      clock: new FakeClock(),
      prepare: (it) => void it.account('a').usage(at(60)).allows(false),
    });
    expect(await standing(pool, 'a')).toMatchObject({ available: false, reason: 'quota-exhausted' });
    expect(await isServedBy(pool, 'b')).toEqual(['b']);
  });

  it('is a usage limit on every account at 60 %, and nothing is sent', async () => {
    await using pool = await startRanked({
      clock: new FakeClock(),
      prepare: (it) => void ['a', 'b'].map((name) => it.account(name).usage(at(60)).allows(false)),
    });
    const { response, asked } = await turn(pool);
    expect(asked).toEqual([]);
    expect(response.status).toBe(429);
    expect(errorIn(response)).toMatchObject({ type: 'usage_limit_reached' });
  });

  it('takes the account out even if it has credits', async () => {
    await using pool = await startRanked({
      clock: new FakeClock(),
      prepare: (it) => void it.account('a').usage(at(60)).allows(false).credits(balance),
    });
    expect(await isServedBy(pool, 'b')).toEqual(['b']);
  });

  it('is ended by a poll that reports allowed: true', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({
      clock,
      prepare: (it) => void it.account('a').usage(at(60)).allows(false),
    });
    clock.advance(SECOND);
    pool.fakeUpstream.account('a').allows(true);
    await pool.client.post('/admin/accounts/a/poll').expect(200);
    expect(await standing(pool, 'a')).toEqual(free);
  });

  it.each([
    ['limit_reached: true', { limit_reached: true }],
    ['limit_reached: true beside allowed: true', { allowed: true, limit_reached: true }],
  ])('is implied by %s at any number', async (_case, fields) => {
    const window = { used_percent: 60, limit_window_seconds: 18_000, reset_after_seconds: 7_200 };
    const rate_limit = { ...fields, primary_window: window, secondary_window: null };
    await using pool = await startRanked({
      clock: new FakeClock(),
      prepare: (it) => void it.account('a').usageResponses(200, { plan_type: 'plus', rate_limit }),
    });
    expect(await isServedBy(pool, 'b')).toEqual(['b']);
  });
});

describe('a turn that was served', () => {
  it('counts more than its own headers that report 100 %', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ clock, env: { PROXY_POLICY: 'fill-first' } });
    await polled(pool);
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).usage(at(100));
    for (let i = 0; i < 4; i += 1) {
      const { response, asked } = await turn(pool, { headers: inSession('full') });
      expect(response.status).toBe(200);
      expect(asked).toHaveLength(1);
      clock.advance(SECOND);
    }
    await expectAllFree(pool);
  });

  it('keeps the only account available at 100 %', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ clock, accounts: ['a'] });
    await polled(pool);
    pool.fakeUpstream.account('a').usage(at(100));
    for (let i = 0; i < 4; i += 1) {
      expect(await turn(pool)).toMatchObject({ asked: ['a'], response: { status: 200 } });
      expect(await standing(pool, 'a')).toEqual(free);
    }
  });

  it('ranks the account behind one with quota left, for new sessions', async () => {
    await using pool = await TestPool.start({ clock: new FakeClock(), env: { PROXY_POLICY: 'fill-first' } });
    await polled(pool);
    pool.fakeUpstream.account('a').usage(at(100));
    expect((await turn(pool)).asked).toEqual(['a']);
    expect((await turn(pool)).asked).toEqual(['b']);
  });

  it('counts less than a newer refusal', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ clock, accounts: ['a'] });
    await polled(pool);
    const account = pool.fakeUpstream.account('a').usage(at(100));
    await turn(pool);
    clock.advance(SECOND);
    account.answers(usageLimit());
    expect(await turn(pool)).toMatchObject({ asked: ['a'], response: { status: 429 } });
    expect(await standing(pool, 'a')).toMatchObject({ available: false, reason: 'quota-exhausted' });
  });

  it('counts less than a newer poll that does not allow turns', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    await isServedBy(pool, 'a');
    clock.advance(SECOND);
    pool.fakeUpstream.account('a').usage(at(100)).allows(false);
    await pool.client.post('/admin/accounts/a/poll').expect(200);
    expect(await isServedBy(pool, 'b')).toEqual(['b']);
  });
});

const start = async (clock = new FakeClock()) =>
  startRanked({
    accounts: ['a'],
    clock,
    prepare: (it) => void it.account('a').usage(at(100)).allows(true).credits(balance),
  });

describe('the credits of an account', () => {
  it('stay untouched if the setting is never', async () => {
    await using pool = await start();
    const { body } = await pool.client.patch('/admin/accounts/a').send(never).expect(200);
    expect(body).toMatchObject({ credits: 'never', available: false, reason: 'quota-exhausted' });
    expect(await turn(pool)).toMatchObject({ asked: [], response: { status: 429 } });
    await pool.client.patch('/admin/accounts/a').send({ credits: 'last' }).expect(200);
    await isServedBy(pool, 'a');
  });

  it('stay untouched even after a turn at 100 %', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    await pool.client.patch('/admin/accounts/a').send(never).expect(200);
    const full = { 'x-codex-primary-used-percent': '100', 'x-codex-primary-window-minutes': '300' };
    const credits = { 'x-codex-credits-has-credits': 'True', 'x-codex-credits-unlimited': 'False' };
    const reset = { 'x-codex-primary-reset-after-seconds': '7200' };
    pool.fakeUpstream.account('a').answers(streams({ headers: { ...full, ...credits, ...reset } }));
    await turn(pool);
    expect(await isServedBy(pool, 'b')).toEqual(['b']);
  });

  it('keep their setting across a restart', async () => {
    await using pool = await start();
    await pool.client.patch('/admin/accounts/a').send(never).expect(200);
    const next = await pool.restart();
    try {
      await polled(next);
      expect(await next.account('a')).toMatchObject({ credits: 'never', available: false });
    } finally {
      await next.running.stop();
    }
  });

  it.each(['first', 'LAST', '', null, 1, true, ['never']])('reject %j as a setting', async (credits) => {
    await using pool = await start();
    const { body } = await pool.client.patch('/admin/accounts/a').send({ credits }).expect(400);
    expect(body).toMatchObject({ code: 'bad_settings', detail: expect.stringContaining('credits') });
    expect(await pool.account('a')).toMatchObject({ credits: 'last' });
  });

  it('are shown in the admin API and in the metrics', async () => {
    await using pool = await start();
    expect(await pool.account('a')).toMatchObject({
      credits: 'last',
      creditStatus: { hasCredits: true, unlimited: false, balance: 12.5 },
    });
    const { text } = await pool.client.get('/metrics').expect(200);
    expect(text).toMatch(/^codex_pool_\w*credits\w*\{account="a"\} 12\.5$/m);
  });
});
