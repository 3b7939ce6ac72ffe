import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { sessionSchema } from '../../../src/api/session.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { completed, created, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { responseCreate } from '../../support/clients/codex-socket.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { typeOf } from '../../support/clients/socket-message.js';
import { TestPool } from '../../support/pool/pool.js';

const start = async () => await TestPool.start({ env: { PROXY_POLICY: 'fill-first' } });
const lastOf = async (turn: ReturnType<SocketClient['turn']>) => (await turn).map(typeOf).at(-1);
const served = async (client: SocketClient, fields: object = {}): Promise<void> =>
  expect(await lastOf(client.turn(fields))).toBe('response.completed');

async function sessionOf(pool: TestPool) {
  const { body } = await pool.client.get('/admin/affinity').expect(200);
  const [session] = z.array(sessionSchema).parse(body);
  if (session === undefined) throw new Error('no session');
  return session;
}

/** Moves the only session, as the operator does. */
async function moveTo(pool: TestPool, account: string): Promise<void> {
  const { session } = await sessionOf(pool);
  const { body } = await pool.client.put(`/admin/affinity/${session}`).send({ account }).expect(200);
  expect(sessionSchema.parse(body)).toMatchObject({ movesTo: account });
}

const responseIn = (client: SocketClient): string | undefined =>
  /resp_\w+/.exec(client.messages.at(-1)?.bytes.toString() ?? '')?.[0];

describe('a session on a WebSocket that the operator moves', () => {
  it('at rest: its next turn goes to the chosen account, on the same socket of the client', async () => {
    await using pool = await start();
    await using client = await SocketClient.connect(pool.origin);
    await served(client);
    await moveTo(pool, 'b');
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a']);
    await served(client);
    await served(client);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b', 'b']);
    expect(client.end).toBeNull();
    expect(await sessionOf(pool)).toMatchObject({ account: 'b', movedFrom: 'a', movesTo: null });
    const { body } = await pool.client.get('/admin/requests?limit=2').expect(200);
    expect(body).toMatchObject([
      { movedFrom: null, attempts: [{ account: 'b', by: 'affinity' }] },
      { movedFrom: 'a', attempts: [{ account: 'b', by: 'operator' }] },
    ]);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.sockets.open === 1, 'the end of the old socket');
  });

  it('while a turn runs: that turn ends where it began, and the next one moves', async () => {
    await using pool = await start();
    await using client = await SocketClient.connect(pool.origin);
    const turn = controlled();
    pool.fakeUpstream.account('a').sockets.answers(turn.response);
    client.send(JSON.stringify(responseCreate(client.session)));
    await turn.started;
    turn.send(created(), delta('half'));
    await client.until(() => client.messages.some((it) => typeOf(it).endsWith('.delta')), 'output');
    await moveTo(pool, 'b');
    client.send(JSON.stringify(responseCreate(client.session))); // waits for the first turn
    turn.send(delta('whole'), completed());
    await client.until(
      () => client.messages.filter((it) => typeOf(it) === 'response.completed').length === 2,
      'both turns',
    );
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b']);
    expect(client.messages.filter((it) => it.bytes.toString().includes('whole'))).toHaveLength(1);
    expect(client.end).toBeNull();
    expect(await sessionOf(pool)).toMatchObject({ account: 'b', movesTo: null });
  });

  it('before a turn that continues a response: Codex reconnects, and its full turn goes to the chosen account', async () => {
    await using pool = await start();
    await using client = await SocketClient.connect(pool.origin);
    await served(client);
    await moveTo(pool, 'b');
    expect(await client.turn({ previous_response_id: responseIn(client) })).toEqual([]);
    expect(await client.closed).toMatchObject({ code: 1012 });
    await using again = await SocketClient.connect(pool.origin, { session: client.session });
    await served(again);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b']);
    expect(await sessionOf(pool)).toMatchObject({ account: 'b', movesTo: null });
    await served(again, { previous_response_id: responseIn(again) });
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b', 'b']);
  });

  it('to an account that cannot serve: its next turn stays, also one that continues a response', async () => {
    await using pool = await start();
    await using client = await SocketClient.connect(pool.origin);
    await served(client);
    await pool.client.patch('/admin/accounts/b').send({ paused: true }).expect(200);
    await moveTo(pool, 'b');
    await served(client, { previous_response_id: responseIn(client) });
    await served(client);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a', 'a']);
    expect(client.end).toBeNull();
  });
});

describe('the move of a session', () => {
  it('waits for its turn: a handshake and a prewarm do not use it up', async () => {
    await using pool = await start();
    const client = await SocketClient.connect(pool.origin);
    await served(client);
    client.cut();
    await moveTo(pool, 'b');
    await using again = await SocketClient.connect(pool.origin, { session: client.session });
    await again.prewarm();
    expect(await sessionOf(pool)).toMatchObject({ account: 'a', movesTo: 'b' });
    await served(again);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b']);
    expect(pool.fakeUpstream.sockets.list).toHaveLength(2);
    expect(await sessionOf(pool)).toMatchObject({ account: 'b', movedFrom: 'a', movesTo: null });
  });

  it.each([
    ['images', '/v1/images/generations', '{"model":"gpt-image-1","prompt":"x"}'],
    ['another route of the session', '/v1/memories/trace_summarize', '{}'],
  ])('is not used up by a request for %s', async (_what, path, body) => {
    await using pool = await start();
    await pool.turn({ 'session-id': 's' }).expect(200);
    await moveTo(pool, 'b');
    await pool.client.post(path).set({ 'session-id': 's', 'content-type': 'application/json' }).send(body);
    expect(await sessionOf(pool)).toMatchObject({ account: 'a', movesTo: 'b' });
    const turn = await pool.turn({ 'session-id': 's' }).expect(200);
    expect(turn.headers['x-codex-pool-account']).toBe('b');
  });
});
