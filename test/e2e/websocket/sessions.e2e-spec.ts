import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { messages } from '../../../src/fake-upstream/script/socket-script.js';
import { completed, created, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { errorEvent } from '../../../src/fake-upstream/websocket/events.js';
import { SocketSessions } from '../../../src/proxy/websocket/sessions.js';
import { BareUpstream } from '../../support/clients/bare-sockets.js';
import { responseCreate } from '../../support/clients/codex-socket.js';
import { call } from '../../support/clients/raw-http.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { typeOf } from '../../support/clients/socket-message.js';
import { FakeClock, MINUTE } from '../../support/fake-clock.js';
import { TestPool } from '../../support/pool/pool.js';

const fillFirst = { PROXY_POLICY: 'fill-first' };
const rejected = errorEvent(401, { code: 'token_expired', message: 'made-up' });
const grants = (pool: TestPool): number =>
  pool.fakeUpstream.log.filter((it) => it.path.endsWith('/oauth/token')).length;
const serves = async (client: SocketClient): Promise<void> =>
  expect((await client.turn()).map(typeOf).at(-1)).toBe('response.completed');

/** A turn of account `a` that has output and does not end by itself. */
async function running(pool: TestPool) {
  const turn = controlled();
  pool.fakeUpstream.account('a').sockets.answers(turn.response);
  const client = await SocketClient.connect(pool.origin);
  client.send(JSON.stringify(responseCreate(client.session)));
  await turn.started;
  turn.send(created(), delta('half'));
  await client.until(() => client.messages.some((it) => typeOf(it).endsWith('.delta')), 'output');
  return { client, turn };
}

describe('a rejected token', () => {
  it('is recorded after output and ends the socket, and another account serves the next turn', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    await using client = await SocketClient.connect(pool.origin);
    const before = grants(pool);
    pool.fakeUpstream.account('a').sockets.answers(messages(created(), delta('half'), rejected));
    expect((await client.turn()).map(typeOf)).toEqual(['response.created', 'response.output_text.delta']);
    expect(await client.closed).toMatchObject({ code: 1012 });
    await expect.poll(() => grants(pool)).toBe(before + 1);
    const { body } = await pool.client.get('/admin/requests').expect(200);
    const turn = body.find((it: { method: string }) => it.method === 'WEBSOCKET');
    expect(turn).toMatchObject({
      result: 'failed',
      attempts: [{ account: 'a', failedLate: 'unauthorized' }],
    });
    await using again = await SocketClient.connect(pool.origin, { session: client.session });
    await serves(again);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b']);
    expect(await pool.account('a')).toMatchObject({ available: true, inFlight: 0, totals: { turns: 0 } });
  });

  it('ends the socket between two turns, and another account serves the next turn', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    await using client = await SocketClient.connect(pool.origin);
    const before = grants(pool);
    pool.fakeUpstream.account('a').sockets.answers(messages(created(), completed(), rejected));
    await serves(client);
    expect(await client.closed).toMatchObject({ code: 1012 });
    expect(client.messages.map(typeOf)).not.toContain('error');
    await expect.poll(() => grants(pool)).toBe(before + 1);
    await using again = await SocketClient.connect(pool.origin, { session: client.session });
    await serves(again);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b']);
  });

  it('is renewed for the next turn of the only account', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await using client = await SocketClient.connect(pool.origin);
    pool.fakeUpstream
      .account('a')
      .expireAccessToken()
      .sockets.answers(messages(created(), completed(), rejected));
    await serves(client);
    expect(await client.closed).toMatchObject({ code: 1012 });
    await using again = await SocketClient.connect(pool.origin, { session: client.session });
    await serves(again);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a']);
    const [first, second] = pool.fakeUpstream.sockets.list;
    expect(second?.handshake.headers['authorization']).not.toBe(first?.handshake.headers['authorization']);
  });

  it('ends the socket of a turn that continues a response, and the full turn is served', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await using client = await SocketClient.connect(pool.origin);
    await serves(client);
    const [id] = /resp_\w+/.exec(client.messages.at(-1)?.bytes.toString() ?? '') ?? [];
    pool.fakeUpstream.account('a').expireAccessToken().sockets.answers(messages(created(), rejected));
    expect(await client.turn({ previous_response_id: id })).toEqual([]);
    expect(await client.closed).toMatchObject({ code: 1012 });
    await using again = await SocketClient.connect(pool.origin, { session: client.session });
    await serves(again);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a', 'a']);
  });
});

describe('a suspend of the machine', () => {
  it('ends every socket with 1012, and the clients reconnect', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    const { client: busy } = await running(pool);
    await using idle = await SocketClient.connect(pool.origin);
    await serves(idle);
    clock.advance(MINUTE);
    clock.tick();
    for (const it of [busy, idle]) expect(await it.closed).toMatchObject({ code: 1012 });
    await pool.fakeUpstream.until(() => pool.fakeUpstream.sockets.open === 0, 'the end of all sockets');
    await using again = await SocketClient.connect(pool.origin, { session: busy.session });
    await serves(again);
    expect(await pool.account('a')).toMatchObject({ available: true, inFlight: 0 });
  });

  it('is not detected as long as the clock advances evenly', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    await using client = await SocketClient.connect(pool.origin);
    for (let second = 0; second < 60; second += 1) {
      clock.advance(1_000);
      clock.tick();
      if (second % 10 === 0) await pool.client.get('/healthz'); // pongs arrive meanwhile
    }
    await serves(client);
    expect(client.end).toBeNull();
  });
});

describe('a change of the addresses of the machine', () => {
  it('ends idle sockets with 1012, and a busy one goes on', async () => {
    const clock = new FakeClock();
    let addresses = new Set(['192.0.2.7']);
    await using pool = await TestPool.start({ accounts: ['a'], clock, addresses: () => addresses });
    const { client: busy, turn } = await running(pool);
    await using idle = await SocketClient.connect(pool.origin);
    await serves(idle);
    clock.tick();
    await serves(idle);
    addresses = new Set(['198.51.100.7']);
    clock.tick();
    expect(await idle.closed).toMatchObject({ code: 1012 });
    turn.send(delta('the rest'), completed());
    turn.end();
    await busy.until(() => busy.messages.map(typeOf).at(-1) === 'response.completed', 'the end of the turn');
    expect(busy.end).toBeNull();
    await serves(busy);
  });
});

describe('an account whose file is removed', () => {
  it('loses its idle sockets at once, and a busy one after its turn', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    const { client: busy, turn } = await running(pool);
    await using idle = await SocketClient.connect(pool.origin);
    await using other = await SocketClient.connect(pool.origin, { session: 'of-b' });
    pool.fakeUpstream
      .account('a')
      .sockets.answers(messages(errorEvent(429, { type: 'usage_limit_reached' })));
    await serves(other); // on b
    await rm(join(pool.folder, 'pool', 'a.json'));
    await pool.client.post('/admin/reload').expect(200);
    expect(await idle.closed).toMatchObject({ code: 1012 });
    expect(busy.end).toBeNull();
    turn.send(delta('the rest'), completed());
    turn.end();
    expect(await busy.closed).toMatchObject({ code: 1012 });
    expect(busy.messages.map(typeOf).at(-1)).toBe('response.completed');
    await serves(other);
    expect(other.end).toBeNull();
    await using again = await SocketClient.connect(pool.origin, { session: busy.session });
    await serves(again);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a', 'b', 'b', 'b']);
  });
});

describe('the number of sockets', () => {
  it(
    'is bounded: one more handshake gets a local 503 until a socket has ended',
    { timeout: 60_000 },
    async () => {
      await using upstream = await BareUpstream.start(false);
      await using pool = await TestPool.start({ accounts: ['a'], env: upstream.env });
      const sessions = pool.running.app.get(SocketSessions);
      const ends = [];
      while (ends.length < limits.clientSockets)
        ends.push(...(await Promise.all(Array.from({ length: 20 }, () => upstream.through(pool.origin)))));
      expect(sessions.size).toBe(limits.clientSockets);
      const { status, headers, text } = await SocketClient.refused(pool.origin);
      expect({ status, code: headers['x-codex-pool-error'] }).toEqual({
        status: 503,
        code: 'too_many_websockets',
      });
      expect(JSON.parse(text)).toMatchObject({ error: { code: 'too_many_websockets' } });
      expect(sessions.size).toBe(limits.clientSockets);
      ends[0]?.client[Symbol.dispose]();
      await expect.poll(() => sessions.size).toBe(limits.clientSockets - 1);
      const { client } = await upstream.through(pool.origin);
      expect(sessions.size).toBe(limits.clientSockets);
      for (const it of [{ client }, ...ends]) it.client[Symbol.dispose]();
      await expect.poll(() => sessions.size).toBe(0);
    },
  );
});

describe('a handshake with malformed extensions', () => {
  it.each([
    ['an unknown parameter', 'permessage-deflate; made_up=1'],
    ['a syntax error', 'permessage-deflate;;'],
  ])('gets a JSON 400, and leaves no upstream socket: %s', async (_what, extensions) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const response = await call(pool.origin, {
      path: '/v1/responses',
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': 'bWFkZSB1cCBub25jZSAxNg==',
        'sec-websocket-extensions': extensions,
      },
    });
    expect(response.status).toBe(400);
    expect(response.headers['content-type']).toMatch(/^application\/json/);
    expect(JSON.parse(response.body.toString())).toMatchObject({
      error: { code: 'bad_websocket_handshake', message: expect.stringContaining('Extensions') },
    });
    await pool.fakeUpstream.until(() => pool.fakeUpstream.sockets.open === 0, 'the end of the socket');
    expect(await pool.account('a')).toMatchObject({ available: true, inFlight: 0 });
  });
});
