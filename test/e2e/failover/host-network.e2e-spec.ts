import { describe, expect, it } from 'vitest';
import { refuses } from '../../../src/fake-upstream/script/responses.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { completed, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { FakeClock, HOUR, SECOND } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { send, turnWith } from '../../support/clients/raw-http.js';

const suspend = (clock: FakeClock, ms = HOUR) => {
  clock.advance(ms);
  clock.tick();
};
const polls = (pool: TestPool) =>
  pool.fakeUpstream.log.filter((it) => it.path.endsWith('/wham/usage')).length;

describe('a machine that wakes from sleep', () => {
  // Without polls, every connection to the fake upstream belongs to a turn.
  const env = { UPSTREAM_WHAM_BASE: 'http://127.0.0.1:9/backend-api' };

  it('drops only the idle connections to upstream', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock, env });
    const running = controlled();
    pool.fakeUpstream.account('a').answers(running.response);
    const client = send(pool.origin, turnWith(JSON.stringify(aTurn())));
    running.send(delta('before'));
    await client.untilText('before');
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.openConnections()).toBe(2);
    suspend(clock, 29 * SECOND); // too short to count as a suspend
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.openConnections()).toBe(2);
    suspend(clock);
    await pool.fakeUpstream.until(
      () => pool.fakeUpstream.openConnections() === 1,
      'the end of the idle connection',
    );
    running.send(delta('after'), completed());
    running.end();
    expect((await client.whole()).isBroken).toBe(false);
    expect(client.text).toContain('after');
    await pool.turn().expect(200);
  });

  it('polls all accounts again', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ clock });
    await polled(pool);
    clock.tick();
    suspend(clock, 30 * SECOND);
    expect(polls(pool)).toBe(2);
    suspend(clock);
    await pool.fakeUpstream.until(() => polls(pool) === 4, 'another round of polls');
  });

  it('blames no account for an error in its first 5 seconds', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock, env });
    pool.fakeUpstream.account('a').always(refuses(502, { error: { code: 'bad_gateway' } }));
    suspend(clock);
    for (let i = 0; i < 3; i += 1) await pool.turn().expect(503);
    expect(await pool.account('a')).toMatchObject({ available: true });
    clock.advance(5 * SECOND);
    for (let i = 0; i < 2; i += 1) await pool.turn();
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'upstream-error' });
  });
});
