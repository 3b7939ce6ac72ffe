import { describe, expect, it } from 'vitest';
import { messages } from '../../../src/fake-upstream/script/socket-script.js';
import {
  completed,
  created,
  delta,
  messageAdded,
  type TurnEvent,
} from '../../../src/fake-upstream/script/turn-events.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { typeOf } from '../../support/clients/socket-message.js';
import { FakeClock, SECOND } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool, type TestPoolOptions } from '../../support/pool/pool.js';
import { free, standing } from '../../support/pool/ranked-accounts.js';

const full = { usedPercent: 100, windowSeconds: 18_000, resetsInSeconds: 7_200 };

/** The general quota at 100 % as a message; `resetAt` in Unix seconds. */
const fullAt = (resetAt: number): TurnEvent => ({
  type: 'codex.rate_limits',
  rate_limits: {
    allowed: true,
    limit_reached: false,
    primary: { used_percent: 100, window_minutes: 300, reset_at: resetAt },
    secondary: null,
  },
});

async function startPool(clock: FakeClock, prepare?: TestPoolOptions['prepare']): Promise<TestPool> {
  const rest = prepare === undefined ? {} : { prepare };
  const pool = await TestPool.start({ clock, accounts: ['a'], ...rest });
  await polled(pool);
  return pool;
}

const lastOf = async (client: SocketClient): Promise<string> => {
  const last = (await client.turn()).at(-1);
  return last === undefined ? 'none' : typeOf(last);
};

describe('a full window that upstream allows, on a WebSocket', () => {
  it('in a poll and in the headers of a handshake ends no turn', async () => {
    const clock = new FakeClock();
    await using pool = await startPool(clock, (it) => void it.account('a').usage(full).allows(true));
    clock.advance(SECOND);
    await using client = await SocketClient.connect(pool.origin);
    expect(await lastOf(client)).toBe('response.completed');
    expect(await standing(pool, 'a')).toEqual(free);
  });

  it('only in the headers of a handshake ends no turn, nor the next handshake', async () => {
    const clock = new FakeClock();
    await using pool = await startPool(clock);
    pool.fakeUpstream.account('a').usage(full);
    for (let i = 0; i < 2; i += 1) {
      clock.advance(SECOND);
      await using client = await SocketClient.connect(pool.origin);
      expect(await lastOf(client)).toBe('response.completed');
    }
  });

  it('in a message after output leaves the account to the next turn', async () => {
    const clock = new FakeClock();
    await using pool = await startPool(clock);
    const gate = Promise.withResolvers<void>();
    const told = fullAt(Math.floor(clock.now() / SECOND) + 7_200);
    const steps = [created(), messageAdded(), delta('x'), { gate: gate.promise }, told, completed()];
    pool.fakeUpstream.account('a').sockets.answers(messages(...steps));
    await using client = await SocketClient.connect(pool.origin);
    const first = lastOf(client);
    await client.until(() => client.messages.some((it) => typeOf(it).endsWith('.delta')), 'output');
    clock.advance(SECOND);
    gate.resolve();
    expect(await first).toBe('response.completed');
    expect(await standing(pool, 'a')).toEqual(free);
    expect(await lastOf(client)).toBe('response.completed');
  });

  it.each([1e16, 1e300])('with a reset later than any date (%d) breaks no response', async (reset) => {
    const clock = new FakeClock();
    await using pool = await startPool(clock);
    const gate = Promise.withResolvers<void>();
    const steps = [created(), messageAdded(), delta('x'), completed(), { gate: gate.promise }, fullAt(reset)];
    pool.fakeUpstream.account('a').sockets.answers(messages(...steps));
    await using client = await SocketClient.connect(pool.origin);
    expect(await lastOf(client)).toBe('response.completed');
    clock.advance(SECOND);
    gate.resolve();
    await client.until(() => client.messages.map(typeOf).at(-1) === 'codex.rate_limits', 'the quota');
    expect([200, 429]).toContain((await pool.turn()).status);
    for (const path of ['/admin/accounts', '/healthz', '/metrics', '/backend-api/wham/usage'])
      await pool.client.get(path).expect(200);
  });
});
