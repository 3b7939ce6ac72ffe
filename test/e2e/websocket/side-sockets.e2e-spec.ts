import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { edgeBlock, unauthorized } from '../../../src/fake-upstream/script/refusals.js';
import { refuses } from '../../../src/fake-upstream/script/responses.js';
import { accepts, resetsConnection } from '../../../src/fake-upstream/script/socket-script.js';
import type { LoggedSocket } from '../../../src/fake-upstream/websocket/log.js';
import { SocketSessions } from '../../../src/proxy/websocket/sessions.js';
import { type HandshakeOptions, SocketClient } from '../../support/clients/socket-client.js';
import { FakeClock, MINUTE } from '../../support/fake-clock.js';
import { TestPool } from '../../support/pool/pool.js';

const CONTROL = '/backend-api/wham/remote/control/server';
const REALTIME = '/v1/realtime';
const fillFirst = { PROXY_POLICY: 'fill-first' };

/** A client of a side route with no session, as Codex's remote control is. */
const control = (more: HandshakeOptions = {}): HandshakeOptions => ({
  path: CONTROL,
  ...more,
  headers: { 'session-id': undefined, 'thread-id': undefined, ...more.headers },
});

/** Connects on a side route; returns the client's end and upstream's end. */
async function connected(pool: TestPool, options: HandshakeOptions = control()) {
  const client = await SocketClient.connect(pool.origin, options);
  const upstream = pool.fakeUpstream.sideSockets.list.at(-1);
  if (upstream === undefined) throw new Error('upstream has no socket');
  return { client, upstream };
}

const arrives = (pool: TestPool, { strays }: LoggedSocket, count: number): Promise<void> =>
  pool.fakeUpstream.until(() => strays.length === count, `${count} messages`);
const inFlight = async (pool: TestPool): Promise<number> => (await pool.account('a')).inFlight;

describe('a WebSocket on a route that is not a turn', () => {
  it.each([
    [CONTROL, '/backend-api/wham/remote/control/server?x=1'],
    ['/api/codex/remote/control/server', '/backend-api/wham/remote/control/server?x=1'],
    [REALTIME, '/backend-api/codex/realtime?x=1'],
    ['/backend-api/codex/realtime/calls', '/backend-api/codex/realtime/calls?x=1'],
  ])('reaches upstream with an account’s credentials: %s', async (path, upstreamPath) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const { client, upstream } = await connected(pool, control({ path: `${path}?x=1` }));
    await using _client = client;
    const { handshake } = upstream;
    expect(handshake.path).toBe(upstreamPath);
    expect(handshake.headers).toMatchObject({ 'chatgpt-account-id': 'acct-a', originator: 'codex_exec' });
    expect(JSON.stringify(handshake.headers)).not.toMatch(/made-up-(token|id)-of-the-client/);
    expect(client.headers['x-codex-pool-account']).toBe('a');
    client.send('hello');
    await client.until(() => client.messages.length === 1, 'the echo');
    expect(await inFlight(pool)).toBe(0); // an idle socket keeps no turn from the account
    expect(pool.fakeUpstream.sockets.list).toEqual([]);
  });

  it('uses the home account on home routes, and the account of the session on the others', async () => {
    await using pool = await TestPool.start({ accounts: ['a', 'b', 'c'], env: fillFirst });
    const home = await connected(pool, control({ headers: { 'chatgpt-account-id': 'acct-b' } }));
    expect(home.upstream.account).toBe('b');
    await pool.client.patch('/admin/accounts/a').send({ paused: true }).expect(200);
    await pool.client.patch('/admin/accounts/b').send({ paused: true }).expect(200);
    await pool.turn({ 'session-id': 's-1' }).expect(200);
    for (const name of ['a', 'b'])
      await pool.client.patch(`/admin/accounts/${name}`).send({ paused: false }).expect(200);
    const session = await connected(pool, { path: REALTIME, session: 's-1' });
    expect(session.upstream.account).toBe('c');
    for (const it of [home, session]) it.client.cut();
  });

  it('goes to the account that enrolled the machine for remote control, while that one can serve', async () => {
    await using pool = await TestPool.start({ accounts: ['a', 'b'], env: fillFirst });
    pool.fakeUpstream.on('POST', `${CONTROL}/enroll`, (_req, res) => {
      res.writeHead(200, { 'content-type': 'application/json' }).end('{"server_id":"srv_made_up"}');
    });
    // The client's own account is in the pool. On the socket, Codex names only the machine.
    const own = { 'chatgpt-account-id': 'acct-b' };
    await pool.client.post(`${CONTROL}/enroll`).set(own).send({ name: 'made-up' }).expect(200);
    const machine = { 'x-codex-server-id': 'srv_made_up', 'chatgpt-account-id': undefined };
    const first = await connected(pool, control({ headers: machine }));
    await pool.client.patch('/admin/accounts/b').send({ paused: true }).expect(200);
    const second = await connected(pool, control({ headers: machine }));
    expect([first.upstream.account, second.upstream.account]).toEqual(['b', 'a']);
    for (const it of [first, second]) it.client.cut();
  });

  it('relays text and binary messages both ways, in order and unchanged', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const { client, upstream } = await connected(pool);
    await using _client = client;
    const sent = ['one', Buffer.from([0, 255, 1]), '', '{"type":"response.create"}', 'x'.repeat(200_000)];
    for (const it of sent) client.send(it);
    await client.until(() => client.messages.length === sent.length, 'all echoes');
    const wanted = sent.map((it) => ({ bytes: Buffer.from(it), isBinary: Buffer.isBuffer(it) }));
    expect(upstream.strays).toEqual(wanted);
    expect(client.messages.map(({ bytes, isBinary }) => ({ bytes, isBinary }))).toEqual(wanted);
    await upstream.send('from upstream');
    await client.until(() => client.messages.length > sent.length, 'a message without a question');
    expect(pool.fakeUpstream.sockets.turns()).toEqual([]);
  });

  it('keeps an API key that the client offers as a subprotocol', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream.account('a').sockets.sideHandshakes(accepts({ subprotocol: 'realtime' }));
    const protocols = ['realtime', 'openai-insecure-api-key.sk-made-up', 'openai-organization.org-made-up'];
    const { client, upstream } = await connected(pool, { path: REALTIME, protocols });
    await using _client = client;
    expect(upstream.handshake.headers['sec-websocket-protocol']).toBe('realtime');
    expect(client.headers['sec-websocket-protocol']).toBe('realtime');
    expect(JSON.stringify(upstream.handshake.rawHeaders)).not.toContain('sk-made-up');
  });

  it.each([
    ['a code and a reason', 4001, 'made up', { code: 4001, reason: 'made up' }],
    ['1000', 1000, '', { code: 1000, reason: '' }],
    ['no code', undefined, '', { code: 1005, reason: '' }],
  ])('passes a close on, both ways: %s', async (_what, code, reason, expected) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const byUpstream = await connected(pool);
    byUpstream.upstream.close(code, reason);
    expect(await byUpstream.client.closed).toEqual(expected);
    const byClient = await connected(pool);
    byClient.client.close(code, reason);
    await pool.fakeUpstream.until(() => !byClient.upstream.isOpen, 'the close');
    expect(byClient.upstream).toMatchObject({ closeCode: expected.code, closeReason: expected.reason });
    expect(pool.running.app.get(SocketSessions).size).toBe(0);
  });

  it('ends when either side is cut', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const byUpstream = await connected(pool);
    byUpstream.upstream.cut();
    expect((await byUpstream.client.closed).code).toBe(1011);
    const byClient = await connected(pool);
    byClient.client.cut();
    await pool.fakeUpstream.until(() => !byClient.upstream.isOpen, 'the end');
    expect(await pool.account('a')).toMatchObject({ available: true, inFlight: 0 });
  });

  it('passes no ping on; each side answers its own', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const { client, upstream } = await connected(pool);
    await using _client = client;
    client.ping('c');
    upstream.ping('u');
    await client.until(() => client.pongs.length === 1, 'a pong');
    await pool.fakeUpstream.until(() => upstream.pongs.length === 1, 'a pong');
    expect({ c: client.pings, u: upstream.pings }).toEqual({ c: [], u: [] });
  });

  it.each([
    ['that upstream chooses', 'two', 'two'],
    ['that upstream does not choose', undefined, undefined],
  ])('negotiates a subprotocol end to end: one %s', async (_what, subprotocol, chosen) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream.account('a').sockets.sideHandshakes(accepts(subprotocol ? { subprotocol } : {}));
    const headers = { 'sec-websocket-protocol': 'one, two' };
    // The library that the client uses accepts a subprotocol only if it has offered it itself.
    const { upstream, client } = await connected(
      pool,
      control(chosen ? { protocols: ['one', 'two'] } : { headers }),
    );
    await using _client = client;
    expect(upstream.handshake.headers['sec-websocket-protocol']?.toString().replaceAll(' ', '')).toBe(
      'one,two',
    );
    expect(client.headers['sec-websocket-protocol']).toBe(chosen);
  });

  it('is recorded and counted by its route', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const { client } = await connected(pool);
    await using _client = client;
    const { body } = await pool.client.get('/admin/requests').expect(200);
    expect(body).toEqual([
      expect.objectContaining({
        method: 'GET',
        route: 'home',
        result: 'opened',
        attempts: [expect.objectContaining({ account: 'a', outcome: 'opened', status: 101 })],
      }),
    ]);
    const { text } = await pool.client.get('/metrics').expect(200);
    expect(text).toMatch(/^codex_pool_requests_total\{route="home",status="1xx"\} [1-9]/m);
    expect(pool.running.app.get(SocketSessions).size).toBe(1);
  });
});

describe('a refused handshake on a route that is not a turn', () => {
  it.each([
    ['404', refuses(404, { detail: 'made-up' }), 404],
    ['426', refuses(426, { detail: 'made-up' }), 426],
    ['200 without a WebSocket', refuses(200, { detail: 'made-up' }), 200],
    ['403', refuses(403, { detail: 'made-up' }), 403],
    ['429', refuses(429, { detail: 'made-up' }), 429],
    ['500', refuses(500, { detail: 'made-up' }), 500],
  ])('is passed on as it came, and no other account is asked: %s', async (_what, response, status) => {
    await using pool = await TestPool.start({ env: fillFirst });
    pool.fakeUpstream.account('a').sockets.sideHandshakes(response);
    const refused = await SocketClient.refused(pool.origin, control());
    expect([refused.status, JSON.parse(refused.text)]).toEqual([status, { detail: 'made-up' }]);
    expect(pool.fakeUpstream.log.filter((it) => it.headers.upgrade !== undefined)).toHaveLength(1);
    await expect.poll(() => inFlight(pool)).toBe(0);
  });

  it.each([
    ['an edge page', edgeBlock(), 503, 'upstream_blocked'],
    ['a reset', resetsConnection(), 503, 'upstream_unreachable'],
  ])('is JSON after %s', async (_what, response, status, code) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream.account('a').sockets.sideHandshakes(response, response);
    const refused = await SocketClient.refused(pool.origin, control());
    expect([refused.status, refused.headers['x-codex-pool-error']]).toEqual([status, code]);
    expect(JSON.parse(refused.text)).toMatchObject({ error: { code } });
  });

  it('renews a rejected token and is accepted', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream.account('a').expireAccessToken();
    const { client, upstream } = await connected(pool);
    client.cut();
    expect(upstream.account).toBe('a');
  });

  it('is 403 without www-authenticate when upstream rejects the renewed token, too', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const rejection = unauthorized();
    pool.fakeUpstream.account('a').sockets.sideHandshakes(rejection, rejection);
    const refused = await SocketClient.refused(pool.origin, control());
    expect(refused.status).toBe(403);
    expect(refused.headers).not.toHaveProperty('www-authenticate');
    expect(await pool.account('a')).toMatchObject({ available: true, inFlight: 0 });
  });

  it('gets the local response of a pool without an account', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await pool.client.patch('/admin/accounts/a').send({ paused: true }).expect(200);
    const refused = await SocketClient.refused(pool.origin, control());
    expect(JSON.parse(refused.text)).toHaveProperty('error.code', 'no_account_available');
    expect(pool.fakeUpstream.sideSockets.list).toEqual([]);
  });

  it.each(['/v1/models', '/backend-api/wham/usage', '/healthz', '/made-up', '/v1/../admin'])(
    'is 404 where nothing is forwarded: %s',
    async (path) => {
      await using pool = await TestPool.start({ accounts: ['a'] });
      const refused = await SocketClient.refused(pool.origin, control({ path }));
      expect(refused.status).toBe(404);
      expect(refused.headers['content-type']).toMatch(/^application\/json/);
      expect(pool.fakeUpstream.log.filter((it) => it.headers.upgrade !== undefined)).toEqual([]);
    },
  );

  it.each([
    ['/v1/chat/completions', 404, 'unsupported_route'],
    ['/v1/responses/resp_made_up', 404, 'unsupported_route'],
    ['/v1/responses/compact', 405, 'method_not_allowed'],
    ['/oauth/token', 405, 'method_not_allowed'],
  ])('says why, as over HTTP: %s', async (path, status, code) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const refused = await SocketClient.refused(pool.origin, control({ path }));
    expect([refused.status, JSON.parse(refused.text).error.code]).toEqual([status, code]);
    expect(JSON.parse(refused.text)).toEqual((await pool.client.get(path)).body);
    expect(pool.fakeUpstream.log.filter((it) => it.headers.upgrade !== undefined)).toEqual([]);
  });
});

describe('an open WebSocket on a route that is not a turn', () => {
  it('ends with 1012 when its account leaves the pool', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    const { client, upstream } = await connected(pool);
    await rm(join(pool.folder, 'pool', 'a.json'));
    await pool.client.post('/admin/reload').expect(200);
    expect((await client.closed).code).toBe(1012);
    await pool.fakeUpstream.until(() => !upstream.isOpen, 'the end at upstream');
  });

  it('ends with 1012 after a suspend of the machine', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    const { client, upstream } = await connected(pool);
    clock.advance(MINUTE);
    clock.tick();
    expect((await client.closed).code).toBe(1012);
    await pool.fakeUpstream.until(() => !upstream.isOpen, 'the end at upstream');
  });

  it('ends with 1012 after a change of the addresses of the machine', async () => {
    const clock = new FakeClock();
    let addresses = new Set(['192.0.2.7']);
    await using pool = await TestPool.start({ accounts: ['a'], clock, addresses: () => addresses });
    const { client } = await connected(pool);
    addresses = new Set(['192.0.2.7', '198.51.100.7']);
    clock.tick();
    expect((await client.closed).code).toBe(1012);
  });

  it('ends at once when the program stops', async () => {
    const pool = await TestPool.start({ accounts: ['a'], env: { PROXY_DRAIN_SECONDS: '60' } });
    const { client } = await connected(pool);
    const stopped = pool[Symbol.asyncDispose]();
    expect((await client.closed).code).toBe(1012);
    await stopped;
  });

  it('ends alone when its client sends a message above the limit', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const { client, upstream } = await connected(pool, control({ withoutDeflate: true }));
    const other = await connected(pool);
    client.send(Buffer.alloc(limits.messageBytes + 1));
    expect((await client.closed).code).toBe(1009);
    await pool.fakeUpstream.until(() => !upstream.isOpen, 'the end at upstream');
    other.client.send('hello');
    await arrives(pool, other.upstream, 1);
    other.client.cut();
  });
});
