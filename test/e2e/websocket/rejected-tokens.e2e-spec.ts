import { describe, expect, it } from 'vitest';
import { messages } from '../../../src/fake-upstream/script/socket-script.js';
import {
  completed,
  created,
  delta,
  messageAdded,
  type TurnEvent,
} from '../../../src/fake-upstream/script/turn-events.js';
import { errorEvent } from '../../../src/fake-upstream/websocket/events.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { jsonOf, type SocketMessage } from '../../support/clients/socket-message.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';

const error = { code: 'token_expired', message: 'made-up' };
const rows: [string, TurnEvent][] = [
  ['token_expired', errorEvent(401, error)],
  ['account_deactivated', errorEvent(401, { ...error, code: 'account_deactivated' })],
  ['insufficient_quota', errorEvent(401, { ...error, code: 'insufficient_quota' })],
  ['the wrong place', errorEvent(401, { ...error, code: 'unsupported_country_region_territory' })],
  ['a header of the edge', errorEvent(401, { ...error, code: 'x' }, { 'cf-mitigated': 'challenge' })],
  ['its status in status_code', { type: 'error', status_code: 401, error }],
  ['its status as text', { type: 'error', status: '401', error }],
];

const output = [created(), messageAdded(), delta('x')];

async function startPool(accounts: string[] = ['a', 'b']): Promise<TestPool> {
  const pool = await TestPool.start({ accounts, env: { PROXY_POLICY: 'fill-first' } });
  await polled(pool);
  return pool;
}

/** The statuses that the client has been told, as text. */
const statusesIn = (all: readonly SocketMessage[]): string[] =>
  all.map((it) => jsonOf(it)).map((it) => String(it['status'] ?? it['status_code']));

describe('a 401 message on a WebSocket', () => {
  it.each(rows)('(%s) after output does not reach the client: its socket closes', async (_case, rejected) => {
    await using pool = await startPool();
    pool.fakeUpstream.account('a').sockets.answers(messages(...output, rejected));
    await using client = await SocketClient.connect(pool.origin);
    await client.turn();
    expect(await client.closed).toMatchObject({ code: 1012 });
    expect(client.messages).toHaveLength(output.length);
    expect(statusesIn(client.messages)).not.toContain('401');
  });

  it.each(rows)(
    '(%s) between turns does not reach the client: its socket closes',
    async (_case, rejected) => {
      await using pool = await startPool();
      const gate = Promise.withResolvers<void>();
      pool.fakeUpstream
        .account('a')
        .sockets.answers(messages(...output, completed(), { gate: gate.promise }, rejected));
      await using client = await SocketClient.connect(pool.origin);
      await client.turn();
      gate.resolve();
      expect(await client.closed).toMatchObject({ code: 1012 });
      expect(client.messages).toHaveLength(output.length + 1);
    },
  );

  it.each(rows)(
    '(%s) for every turn of the only account does not reach the client',
    async (_case, rejected) => {
      await using pool = await startPool(['a']);
      pool.fakeUpstream.account('a').sockets.always(messages(created(), rejected));
      await using client = await SocketClient.connect(pool.origin);
      const got = await client.turn();
      expect(statusesIn(got)).not.toContain('401');
    },
  );
});
