import { expect, it } from 'vitest';
import { DAY, FakeClock, MINUTE } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import { LONG_SECONDS, newest } from '../../support/pool/held-refresh.js';

it('accepts new tokens however late they arrive, and no request waits longer than half a minute', async () => {
  const clock = new FakeClock();
  const accounts = ['a', { name: 'b', accessTokenLifetimeSeconds: LONG_SECONDS }];
  await using pool = await TestPool.start({ accounts, clock });
  await polled(pool);
  clock.advance(10 * DAY + MINUTE);
  pool.fakeUpstream.tokens.lifetimeSeconds = LONG_SECONDS;
  const held = pool.fakeUpstream.tokens.hold({ afterRotation: true });
  const response = await pool.turn().expect(200);
  expect(response.headers['x-codex-pool-account']).toBe('b');
  expect(await pool.account('a')).toMatchObject({ available: false, reason: 'refresh-failing' });
  const startedAt = performance.now();
  await pool.turn().expect(200);
  expect(performance.now() - startedAt).toBeLessThan(10_000); // the next request does not wait for the same response
  held.release();
  await expect
    .poll(async () => (await pool.readAuth('a')).tokens.refresh_token)
    .toBe(newest(pool).refresh_token);
  await expect.poll(async () => (await pool.account('a')).available).toBe(true);
  expect(pool.fakeUpstream.tokens).toMatchObject({ reuses: 0, requests: [{ account: 'a' }] });
}, 60_000);
