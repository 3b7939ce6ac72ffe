import { rm, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { accountSchema, type AccountView } from '../../../src/api/account.js';
import { hangs, raw } from '../../../src/fake-upstream/script/responses.js';
import {
  deactivated,
  forbidden,
  rateLimit,
  unauthorized,
  usageLimit,
} from '../../../src/fake-upstream/script/refusals.js';
import { send } from '../../support/clients/raw-client.js';
import { FakeClock, HOUR, MINUTE, SECOND } from '../../support/fake-clock.js';
import { fileOf } from '../../support/pool/held-refresh.js';
import type { TestPool } from '../../support/pool/pool.js';
import { isServedBy, movesToB, startRanked, turnOf } from '../../support/pool/ranked-accounts.js';

/** All accounts, checked against the schema of the API. */
async function views(pool: TestPool): Promise<AccountView[]> {
  const { body } = await pool.client.get('/admin/accounts').expect(200);
  return z.array(accountSchema).parse(body);
}

async function view(pool: TestPool, name: string): Promise<AccountView> {
  const { body } = await pool.client.get(`/admin/accounts/${name}`).expect(200);
  return accountSchema.parse(body);
}

const spent = { usedPercent: 100, windowSeconds: 18_000, resetsInSeconds: 7_200 };

describe('the state of an account', () => {
  it('is ready, with what runs and what is used', async () => {
    await using pool = await startRanked({ accounts: ['a'] });
    expect(await view(pool, 'a')).toMatchObject({ state: 'ready', since: null, pausedUntil: null });
    expect((await view(pool, 'a')).sentence).toMatch(/^Ready: 4 % of 5 h used, resets .*\(in 2 h 30\)$/);
  });

  it('names each reason why it does not serve, its beginning and its end', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    const now = clock.now();
    await movesToB(pool, [rateLimit(30)]);
    expect(await view(pool, 'a')).toMatchObject({
      state: 'resting',
      since: now,
      until: now + 30 * SECOND,
      sentence: 'Resting: again in 30 s',
    });
    clock.advance(MINUTE);
    const resetsAt = Math.floor(now / SECOND) + 7_200;
    await movesToB(pool, [usageLimit({ resetsAt })]);
    expect(await view(pool, 'a')).toMatchObject({
      state: 'at-limit',
      since: now + MINUTE,
      until: resetsAt * SECOND,
      sentence: expect.stringMatching(/^At its limit: back .+ \(in 1 h 59\)$/),
    });
    clock.advance(2 * HOUR);
    await movesToB(pool, [deactivated()]);
    expect(await view(pool, 'a')).toMatchObject({
      state: 'deactivated',
      since: clock.now(),
      sentence: expect.stringMatching(/^Deactivated: OpenAI has switched this account off \(seen .+\)$/),
    });
  });

  it('is said in the log with the same word', async () => {
    await using pool = await startRanked();
    await movesToB(pool, [rateLimit(30)]);
    const line = pool.logger.lines.find((it) => it.includes('"account is unavailable'));
    expect(line).toContain('"state":"Resting"');
  });

  it('is last in line over its quota, and after a 403', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({
      clock,
      prepare: (it) =>
        void it
          .account('b')
          .usage(spent)
          .allows(true)
          .credits({ hasCredits: true, unlimited: false, balance: '12.5' }),
    });
    expect(await view(pool, 'b')).toMatchObject({
      state: 'last-in-line',
      lastFor: 'quota',
      sentence: 'Ready, last in line: over its quota, on credits (12.50 left)',
    });
    await movesToB(pool, [forbidden()]);
    clock.advance(3 * MINUTE);
    expect(await view(pool, 'a')).toMatchObject({
      state: 'last-in-line',
      lastFor: 'refusal',
      sentence: 'Ready, last in line: refused a request 3 min ago',
    });
    clock.advance(2 * MINUTE);
    expect(await view(pool, 'a')).toMatchObject({ state: 'ready' });
  });

  it('is full at its cap', async () => {
    await using pool = await startRanked();
    await pool.client.patch('/admin/accounts/a').send({ maxInFlight: 1 }).expect(200);
    const silent = hangs(raw(turnOf('a')));
    pool.fakeUpstream.account('a').answers(silent);
    const turn = send(pool);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 1, 'the turn');
    expect(await view(pool, 'a')).toMatchObject({ state: 'full', sentence: 'Full: 1 of 1 turns running' });
    await rm(fileOf(pool, 'a'));
    await pool.client.post('/admin/reload').expect(200);
    expect(await view(pool, 'a')).toMatchObject({
      state: 'leaving',
      sentence: 'Leaving: 1 turn still running',
    });
    silent.release();
    await turn;
  });

  it('needs a login since upstream and token endpoint have refused it', async () => {
    await using pool = await startRanked();
    pool.fakeUpstream.account('a').expireAccessToken().revokeRefreshToken();
    await movesToB(pool, [unauthorized()]);
    const found = await view(pool, 'a');
    expect(found).toMatchObject({ state: 'needs-login', available: false });
    expect(Date.now() - (found.since ?? 0)).toBeLessThan(MINUTE);
    expect(found.sentence).toMatch(/^Needs a login: the login was refused at \d\d:\d\d$/);
  });

  it('of a file that cannot be used says why', async () => {
    await using pool = await startRanked({ files: { 'broken.json': '{' } });
    const found = await view(pool, 'broken');
    expect(found).toMatchObject({ state: 'broken-file', today: { turns: 0 } });
    expect(found.sentence).toMatch(/^File not usable: broken\.json: .*JSON/);
  });

  it('is the same for any name', async () => {
    const names = [`it's "quoted"`, '<script>alert(1)</script>', 'ltr \u202E rtl', 'x'.repeat(200)];
    await using pool = await startRanked({ accounts: ['a'] });
    for (const name of names) await writeFile(fileOf(pool, name.replaceAll('/', '-')), '{}', { mode: 0o600 });
    await pool.client.post('/admin/reload').expect(200);
    for (const it of await views(pool)) expect(it.state).toBe(it.name === 'a' ? 'ready' : 'broken-file');
  });
});

describe('the usage of today', () => {
  it('is the part of the totals since midnight, also after a restart', async () => {
    await using pool = await startRanked({ accounts: ['a'] });
    await isServedBy(pool, 'a');
    await isServedBy(pool, 'a');
    const { today, totals } = await view(pool, 'a');
    expect(today.turns).toBe(2);
    expect(today).toEqual(totals);
    const again = await pool.restart();
    expect((await view(again, 'a')).today).toEqual(today);
    await again.running.stop();
  });

  it('is zero the day after; the totals stay', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ accounts: ['a'], clock });
    await isServedBy(pool, 'a');
    clock.advance(25 * HOUR);
    expect(await view(pool, 'a')).toMatchObject({ today: { turns: 0, input: 0 }, totals: { turns: 1 } });
    const again = await pool.restart();
    expect(await view(again, 'a')).toMatchObject({ today: { turns: 0, input: 0 }, totals: { turns: 1 } });
    await again.running.stop();
  });
});
