import { describe, expect, it } from 'vitest';
import type { Credits } from '../../../src/fake-upstream/script/account-quota.js';
import { refuses } from '../../../src/fake-upstream/script/responses.js';
import { FakeClock, SECOND } from '../../support/fake-clock.js';
import type { TestPool } from '../../support/pool/pool.js';
import { startRanked } from '../../support/pool/ranked-accounts.js';
import { inSession, turn } from '../../support/pool/scope.js';

const at = (usedPercent: number) => ({ usedPercent, windowSeconds: 18_000, resetsInSeconds: 7_200 });
const balance: Credits = { hasCredits: true, unlimited: false, balance: '12.5' };
const window = { used_percent: 100, limit_window_seconds: 18_000 };
const served = { asked: ['a'], response: { status: 200 } };

/** Starts a pool of `a` alone at 100 %, which has these credits and of which a poll does not say whether it is allowed. */
const startSpent = async (credits: object): Promise<TestPool> =>
  startRanked({
    clock: new FakeClock(),
    accounts: ['a'],
    prepare: (it) => {
      const primary_window = { ...window, reset_after_seconds: 7_200 };
      it.account('a').usageResponses(200, { plan_type: 'plus', rate_limit: { primary_window }, credits });
    },
  });

describe('credits', () => {
  it.each<[string, Record<string, string>]>([
    [
      'come twice',
      {
        'x-codex-credits-has-credits': 'True, True',
        'x-codex-credits-unlimited': 'False, False',
        'x-codex-credits-balance': '12.5, 12.5',
      },
    ],
    ['come without the field that says whether there are any', { 'x-codex-credits-unlimited': 'False' }],
    ['have an unknown value', { 'x-codex-credits-has-credits': 'yes' }],
  ])('of a poll stay known when the headers of a turn %s', async (_case, headers) => {
    await using pool = await startSpent({ has_credits: true, unlimited: false, balance: '12.5' });
    pool.fakeUpstream.account('a').answers(refuses(400, { error: { code: 'bad', message: 'no' } }, headers));
    expect((await turn(pool)).response.status).toBe(400);
    expect(await turn(pool)).toMatchObject(served);
  });

  it('of a poll are known when their booleans are text', async () => {
    await using pool = await startSpent({ has_credits: 'true', unlimited: 'false', balance: '12.5' });
    expect(await turn(pool)).toMatchObject(served);
  });

  it('serve after a restart, too, while polls fail', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({
      clock,
      accounts: ['a'],
      prepare: (it) => void it.account('a').usage(at(100)).allows(true).credits(balance),
    });
    clock.advance(SECOND);
    pool.fakeUpstream.account('a').usageResponses(500, 'out of order');
    const next = await pool.restart();
    try {
      expect(await turn(next)).toMatchObject(served);
    } finally {
      await next.running.stop();
    }
  });

  it('are left by a session as soon as another account has quota left', async () => {
    await using pool = await startRanked();
    const headers = inSession('paying');
    expect((await turn(pool, { headers })).asked).toEqual(['a']);
    pool.fakeUpstream.account('a').usage(at(100)).allows(true).credits(balance);
    await pool.client.post('/admin/accounts/a/poll').expect(200);
    expect((await turn(pool, { headers })).asked).toEqual(['b']);
  });

  it('stay untouched if the operator says never, though the full window tells no reset', async () => {
    await using pool = await startRanked({ clock: new FakeClock() });
    await pool.client.patch('/admin/accounts/a').send({ credits: 'never' }).expect(200);
    const rate_limit = { allowed: true, primary_window: window, secondary_window: null };
    const credits = { has_credits: true, unlimited: false, balance: '12.5' };
    pool.fakeUpstream.account('a').usageResponses(200, { plan_type: 'plus', rate_limit, credits });
    await pool.client.post('/admin/accounts/a/poll').expect(200);
    expect((await turn(pool)).asked).toEqual(['b']);
  });
});
