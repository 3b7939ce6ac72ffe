import { describe, expect, it } from 'vitest';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import {
  accepts,
  closes,
  messages,
  messagesThen,
  resetsConnection,
  type SocketResponse,
} from '../../../src/fake-upstream/script/socket-script.js';
import { completed, created, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { TestPool } from '../../support/pool/pool.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { jsonOf, type SocketMessage, typeOf } from '../../support/clients/socket-message.js';

const fillFirst = { PROXY_POLICY: 'fill-first' };
const dead = created('resp_of_the_dead');

const turnsOf = async (pool: TestPool) => {
  const { body } = await pool.client.get('/admin/requests').expect(200);
  return body.filter((it: { method: string }) => it.method === 'WEBSOCKET').toReversed();
};

/** Checks that these messages are one whole response of a live socket. */
function expectOneResponse(got: readonly SocketMessage[]): void {
  const types = got.map(typeOf);
  expect(types.at(-1)).toBe('response.completed');
  expect(types.filter((it) => it === 'response.created')).toHaveLength(1);
  expect(got.map((it) => it.bytes.toString()).join('')).not.toContain('resp_of_the_dead');
}

const codes = [1000, 1001, 1008, 1011, 1012, 1013, 4000];
const deaths: [string, SocketResponse][] = [
  ...codes.flatMap((code): [string, SocketResponse][] => [
    [`a close with ${code}`, messages(closes(code, 'made-up'))],
    [`a close with ${code} after response.created`, messages(dead, closes(code, 'made-up'))],
  ]),
  ['a cut', messagesThen('cut')],
  ['a cut after response.created', messagesThen('cut', dead)],
  ['a reset', messagesThen('reset')],
  ['a reset after response.created', messagesThen('reset', dead)],
];

describe('an upstream socket that dies before output', () => {
  it.each(deaths)(
    'is replaced by another socket of the same account, which serves the turn: %s',
    async (_how, death) => {
      await using pool = await TestPool.start({ env: fillFirst });
      pool.fakeUpstream.account('a').sockets.answers(death);
      await using client = await SocketClient.connect(pool.origin);
      expectOneResponse(await client.turn());
      expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a']);
      expectOneResponse(await client.turn());
      expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a', 'a']);
      expect(pool.fakeUpstream.sockets.list).toHaveLength(2);
      expect(await pool.account('a')).toMatchObject({ available: true, inFlight: 0, totals: { turns: 2 } });
      expect(await turnsOf(pool)).toMatchObject([
        {
          result: 'complete',
          attempts: [
            { account: 'a', outcome: 'unreachable' },
            { account: 'a', by: 'retry', outcome: 'success' },
          ],
        },
        { result: 'complete', attempts: [{ account: 'a', outcome: 'success' }] },
      ]);
    },
  );

  it.each(deaths.slice(-3))(
    'moves the turn to another account if the replacements die as well: %s',
    async (_how, death) => {
      await using pool = await TestPool.start({ env: fillFirst });
      pool.fakeUpstream.account('a').sockets.always(death);
      await using client = await SocketClient.connect(pool.origin);
      expectOneResponse(await client.turn());
      expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a', 'b']);
      expectOneResponse(await client.turn());
      expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a', 'b', 'b']);
      expect(client.end).toBeNull();
      for (const name of ['a', 'b'])
        expect(await pool.account(name)).toMatchObject({ available: true, inFlight: 0 });
      expect(await pool.account('b')).toMatchObject({ totals: { turns: 2 } });
    },
  );

  it('is replaced at once, free of the budget, if it has served before', async () => {
    await using pool = await TestPool.start({ accounts: ['a'], env: { PROXY_MAX_ATTEMPTS: '1' } });
    await using client = await SocketClient.connect(pool.origin);
    expectOneResponse(await client.turn());
    pool.fakeUpstream.account('a').sockets.answers(messagesThen('cut', dead));
    expectOneResponse(await client.turn());
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a', 'a']);
    const [, second] = await turnsOf(pool);
    expect(second.attempts).toMatchObject([{ outcome: 'unreachable' }, { by: 'retry-at-once' }]);
  });

  it('ends the client’s socket when the turn continues an earlier response, and the full turn is served', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    await using client = await SocketClient.connect(pool.origin);
    await client.turn();
    const [id] = /resp_\w+/.exec(client.messages.at(-1)?.bytes.toString() ?? '') ?? [];
    pool.fakeUpstream.account('a').sockets.answers(messagesThen('cut', dead));
    expect(await client.turn({ previous_response_id: id })).toEqual([]);
    expect(await client.closed).toMatchObject({ code: 1012 });
    await using again = await SocketClient.connect(pool.origin, { session: client.session });
    expectOneResponse(await again.turn());
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a', 'a']);
    expect(await turnsOf(pool)).toMatchObject([
      { result: 'complete' },
      { result: 'reconnect', attempts: [{ account: 'a', outcome: 'unreachable' }] },
      { result: 'complete' },
    ]);
    expect(await pool.account('a')).toMatchObject({ inFlight: 0, totals: { turns: 2 } });
  });

  it('leads to a local response when no account can be reached, and the next turn is served', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream.account('a').sockets.answers(messagesThen('cut', dead), messagesThen('cut', dead));
    pool.fakeUpstream.account('a').sockets.handshakes(accepts(), accepts(), resetsConnection());
    await using client = await SocketClient.connect(pool.origin);
    const got = await client.turn();
    expect(got.map(typeOf)).toEqual(['error']);
    expect(jsonOf(got[0])).toMatchObject({ status: 503, error: { code: 'upstream_unreachable' } });
    await client.closed; // no upstream socket is left
    await using again = await SocketClient.connect(pool.origin, { session: client.session });
    expectOneResponse(await again.turn());
    expect(await pool.account('a')).toMatchObject({ available: true, inFlight: 0 });
  });

  it('leaves no socket behind when the client leaves meanwhile', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    const later = Promise.withResolvers<void>();
    pool.fakeUpstream.account('a').sockets.answers(messagesThen('cut', dead));
    pool.fakeUpstream.account('a').sockets.handshakes(accepts(), accepts({ after: later.promise }));
    await using client = await SocketClient.connect(pool.origin);
    const turn = client.turn();
    await pool.fakeUpstream.until(() => pool.fakeUpstream.handshakes().length === 2, 'the second handshake');
    client.cut();
    await turn;
    await expect.poll(async () => (await pool.account('a')).inFlight).toBe(0);
    later.resolve();
    await pool.fakeUpstream.until(() => pool.fakeUpstream.sockets.open === 0, 'the end of all sockets');
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a']);
  });
});

describe('an upstream socket that dies after output', () => {
  it('ends the client’s socket, and nothing is repeated', async () => {
    await using pool = await TestPool.start();
    const turn = controlled();
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).sockets.answers(turn.response);
    await using client = await SocketClient.connect(pool.origin);
    const got = client.turn();
    await turn.started;
    turn.send(created(), delta('half'));
    await client.until(() => client.messages.some((it) => typeOf(it).endsWith('.delta')), 'output');
    turn.reset();
    expect((await got).map(typeOf)).not.toContain('response.completed');
    expect((await client.closed).code).toBe(1011);
    expect(pool.fakeUpstream.sockets.attempts()).toHaveLength(1);
    expect(await turnsOf(pool)).toMatchObject([{ result: 'cut', attempts: [{ outcome: 'success' }] }]);
  });

  it('leaves the turn complete if the whole response has arrived', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream
      .account('a')
      .sockets.answers(messages(created(), delta('all'), completed(), closes(1001, 'made-up')));
    await using client = await SocketClient.connect(pool.origin);
    expectOneResponse(await client.turn());
    expect(await client.closed).toEqual({ code: 1001, reason: 'made-up' });
    expect(await turnsOf(pool)).toMatchObject([{ result: 'complete' }]);
    expect(await pool.account('a')).toMatchObject({ inFlight: 0, totals: { turns: 1 } });
  });
});
