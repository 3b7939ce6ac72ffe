import { describe, expect, it } from 'vitest';
import { hangs, streams } from '../../../src/fake-upstream/script/responses.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { created, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import { send } from '../../support/clients/raw-client.js';
import { startTilted, used } from '../../support/pool/uneven-pool.js';

describe('turn state', () => {
  it('goes only to the account that issued it', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    pool.fakeUpstream.account('a').turnState('issued-by-a');
    const first = await pool.turn({ 'session-id': 's-1' }).expect(200);
    expect(first.headers['x-codex-turn-state']).toBe('issued-by-a');
    pool.fakeUpstream.account('a').answers(usageLimit());
    await pool.turn({ 'session-id': 's-1', 'x-codex-turn-state': 'issued-by-a' }).expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a', 'b']);
    const sent = pool.fakeUpstream.turns().map((it) => it.headers['x-codex-turn-state']);
    expect(sent).toEqual([undefined, 'issued-by-a', undefined]);
  });

  it('routes a request to its issuer rather than to the account of its session', async () => {
    await using pool = await startTilted();
    pool.fakeUpstream.account('b').turnState('issued-by-b');
    await pool.turn({ 'session-id': 's-1' }).expect(200);
    await pool.turn({ 'session-id': 's-2' }).expect(200);
    await pool.turn({ 'session-id': 's-2', 'x-codex-turn-state': 'issued-by-b' }).expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['b', 'a', 'b']);
    expect(pool.fakeUpstream.turns()[2]?.headers['x-codex-turn-state']).toBe('issued-by-b');
  });

  it('is passed on unchanged when its issuer is unknown', async () => {
    await using pool = await TestPool.start();
    await pool.turn({ 'x-codex-turn-state': 'from long ago' }).expect(200);
    expect(pool.fakeUpstream.turns()[0]?.headers['x-codex-turn-state']).toBe('from long ago');
  });
});

describe('new sessions', () => {
  it.each([
    ['that waits for its response', () => hangs()],
    ['that streams', () => streams({ events: [created(), delta('one')], thenHang: true })],
  ])(
    'go to the account with the most quota per request in flight, counting a turn %s',
    async (_case, response) => {
      await using pool = await TestPool.start({
        prepare: (fakeUpstream) => {
          fakeUpstream.account('a').usage(used(0)).always(response());
          fakeUpstream.account('b').usage(used(60)).always(response());
        },
      });
      await polled(pool);
      const gone = new AbortController();
      for (const count of [1, 2, 3, 4]) {
        const sent = { headers: { 'session-id': `s-${count}` }, signal: gone.signal };
        void send(pool, sent).catch(() => undefined);
        await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === count, `turn ${count}`);
        await expect
          .poll(async () => (await pool.account('a')).inFlight)
          .toBe(Math.min(count, count === 4 ? 3 : 2));
      }
      gone.abort();
      await pool.fakeUpstream.untilIdle();
      // 1 and 0.4 are left: 1 > 0.4, 1/2 > 0.4, 1/3 < 0.4, 1/3 > 0.4/2
      expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a', 'b', 'a']);
    },
  );

  it('follow the quota reported by the latest turns', async () => {
    await using pool = await TestPool.start();
    await polled(pool);
    pool.fakeUpstream.account('a').usage(used(70));
    await pool.turn({ 'session-id': 's-1' }).expect(200);
    await pool.turn({ 'session-id': 's-2' }).expect(200);
    expect(pool.fakeUpstream.attempts()).toEqual(['a', 'b']);
  });
});
