import { describe, expect, it } from 'vitest';
import { changedAccountSchema } from '../../../src/api/account.js';
import { hangs, raw } from '../../../src/fake-upstream/script/responses.js';
import { send } from '../../support/clients/raw-client.js';
import { DAY, FakeClock, HOUR, MINUTE } from '../../support/fake-clock.js';
import { servedBy } from '../../support/pool/admin.js';
import type { TestPool } from '../../support/pool/pool.js';
import { expectTurnOf, startRanked, turnOf } from '../../support/pool/ranked-accounts.js';

async function patched(pool: TestPool, settings: object) {
  const { body } = await pool.client.patch('/admin/accounts/a').send(settings).expect(200);
  return changedAccountSchema.parse(body);
}

describe('a pause with an end', () => {
  it('ends at its time, by the clock', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    const pausedUntil = clock.now() + HOUR;
    expect(await patched(pool, { pausedUntil })).toMatchObject({
      state: 'paused',
      paused: true,
      pausedUntil,
      available: false,
      until: pausedUntil,
      persisted: true,
      sentence: expect.stringMatching(/^Paused: until /),
    });
    expect(await servedBy(pool)).toBe('b');
    clock.advance(HOUR - 1);
    expect(await servedBy(pool)).toBe('b');
    clock.advance(1);
    expect(await servedBy(pool)).toBe('a');
    expect(await pool.account('a')).toMatchObject({ state: 'ready', paused: false, pausedUntil: null });
    clock.advance(-HOUR); // the clock was wrong: the pause holds again
    expect(await pool.account('a')).toMatchObject({ state: 'paused', pausedUntil });
  });

  it('survives a restart, and ends while the program is stopped', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    const pausedUntil = clock.now() + DAY;
    await patched(pool, { paused: true, pausedUntil });
    const again = await pool.restart();
    expect(await again.account('a')).toMatchObject({ state: 'paused', pausedUntil });
    clock.advance(DAY);
    const later = await again.restart();
    expect(await later.account('a')).toMatchObject({ state: 'ready', paused: false, pausedUntil: null });
    await later.running.stop();
  });

  it('shows since when, also after a restart, and as a problem if no account is left', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock, accounts: ['a'] });
    const since = clock.now();
    expect(await patched(pool, { paused: true })).toMatchObject({ state: 'paused', since });
    clock.advance(HOUR);
    expect(await patched(pool, { label: 'x' })).toMatchObject({ state: 'paused', since });
    const again = await pool.restart();
    expect(await again.account('a')).toMatchObject({ state: 'paused', since });
    const { problems } = (await again.client.get('/admin/summary').expect(200)).body;
    expect(problems).toContainEqual(expect.objectContaining({ code: 'paused', account: 'a', since }));
    await patched(again, { paused: false });
    clock.advance(HOUR);
    expect(await patched(again, { paused: true })).toMatchObject({ since: since + 2 * HOUR });
    await again.running.stop();
  });

  it('is ended by the operator, or loses its end', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    const pausedUntil = clock.now() + HOUR;
    await patched(pool, { pausedUntil });
    expect(await patched(pool, { label: 'x' })).toMatchObject({ paused: true, pausedUntil });
    expect(await patched(pool, { pausedUntil: null })).toMatchObject({ paused: true, pausedUntil: null });
    clock.advance(2 * HOUR);
    expect(await pool.account('a')).toMatchObject({ state: 'paused', sentence: 'Paused: until resumed' });
    await patched(pool, { pausedUntil: clock.now() + HOUR });
    expect(await patched(pool, { paused: false })).toMatchObject({ state: 'ready', pausedUntil: null });
  });

  it('is noticed by a turn that waits for another account', async () => {
    await using pool = await startRanked();
    const silent = hangs(raw(turnOf('b')));
    pool.fakeUpstream.account('b').answers(silent);
    await pool.client.patch('/admin/accounts/b').send({ maxInFlight: 1 }).expect(200);
    await patched(pool, { paused: true });
    const first = send(pool);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 1, 'the turn that fills b');
    await patched(pool, { pausedUntil: Date.now() + 300 });
    const askedAt = performance.now();
    expectTurnOf('a', await send(pool));
    expect(performance.now() - askedAt).toBeLessThan(4_000);
    silent.release();
    await first;
  });

  it('makes the pool tell Codex when the account is back', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock, accounts: ['a'] });
    await patched(pool, { pausedUntil: clock.now() + 40 * MINUTE });
    const { status, headers } = await send(pool);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(headers['x-codex-pool-error']).toBe('accounts_cooling_down');
  });

  it.each([
    ['the past', (now: number) => ({ pausedUntil: now - 1 })],
    ['more than a year', (now: number) => ({ pausedUntil: now + 400 * DAY })],
    ['no time', () => ({ pausedUntil: 'soon' })],
    ['no pause', (now: number) => ({ paused: false, pausedUntil: now + HOUR })],
  ])('is refused for %s', async (_case, settings) => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock, accounts: ['a'] });
    const { body } = await pool.client.patch('/admin/accounts/a').send(settings(clock.now())).expect(400);
    expect(body).toMatchObject({ code: 'bad_settings', detail: expect.stringContaining('pausedUntil') });
    expect(await pool.account('a')).toMatchObject({ state: 'ready' });
  });
});
