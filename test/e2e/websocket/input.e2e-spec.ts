import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { closes, messages } from '../../../src/fake-upstream/script/socket-script.js';
import { completed, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { BareUpstream } from '../../support/clients/bare-sockets.js';
import { responseCreate } from '../../support/clients/codex-socket.js';
import { TestPool } from '../../support/pool/pool.js';
import { call, turnWith } from '../../support/clients/raw-http.js';
import { RawSocket, RawUpstream } from '../../support/clients/raw-socket.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { jsonOf, typeOf } from '../../support/clients/socket-message.js';

const upgrade = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'bWFkZSB1cCBub25jZSAxNg==',
};
const usage = (n: number) => ({ input: n, cached: 1, output: 2, reasoning: 1 });
/** The records of the turns on WebSockets. */
const recorded = async (pool: TestPool): Promise<readonly object[]> => {
  const { body } = await pool.client.get('/admin/requests').expect(200);
  return body.filter((it: { method: string }) => it.method === 'WEBSOCKET');
};
const deltas = ({ messages: all }: SocketClient): unknown[] =>
  all.filter((it) => typeOf(it).endsWith('.delta')).map((it) => jsonOf(it)['delta']);

describe('client input that is not a turn', () => {
  it.each([
    ['a binary message', Buffer.from('{"type":"response.create"}')],
    ['broken JSON', '{"type":"response.cre'],
    ['an unknown type', '{"type":"response.made_up"}'],
    ['JSON that is not an object', '["response.create"]'],
    ['nothing', ''],
  ])('is passed to upstream, and a turn after it is served: %s', async (_what, message) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await using client = await SocketClient.connect(pool.origin);
    client.send(message);
    expect((await client.untilTurnEnds()).map(typeOf)).toEqual(['error']);
    const [stray] = pool.fakeUpstream.sockets.list[0]?.strays ?? [];
    expect(stray).toEqual({ bytes: Buffer.from(message), isBinary: Buffer.isBuffer(message) });
    expect((await client.turn()).map(typeOf).at(-1)).toBe('response.completed');
    expect(await pool.account('a')).toMatchObject({ available: true, inFlight: 0, totals: { turns: 1 } });
  });

  it('silence keeps a socket open but occupies no account', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await using client = await SocketClient.connect(pool.origin);
    client.ping('made-up');
    await client.until(() => client.pongs.length > 0, 'a pong');
    expect(await pool.account('a')).toMatchObject({ inFlight: 0, totals: { turns: 0 } });
    expect(client.end).toBeNull();
  });

  it('a message above the limit closes both sockets with 1009', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await using client = await SocketClient.connect(pool.origin, { withoutDeflate: true });
    client.send(Buffer.alloc(limits.messageBytes + 1));
    expect((await client.closed).code).toBe(1009);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.sockets.open === 0, 'the end of the socket');
  });

  it('a 1009 from upstream is passed on with its reason', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream.account('a').sockets.answers(messages(closes(1009, 'made-up: too big')));
    await using client = await SocketClient.connect(pool.origin);
    await client.turn();
    expect(await client.closed).toEqual({ code: 1009, reason: 'made-up: too big' });
  });

  it('an upstream message above the limit also closes with 1009', async () => {
    await using upstream = await BareUpstream.start();
    await using pool = await TestPool.start({ env: upstream.env });
    const ends = await upstream.through(pool.origin);
    ends.upstream.send({ bytes: Buffer.alloc(limits.messageBytes + 1), isBinary: true });
    expect((await ends.client.closed).code).toBe(1009);
  });
});

describe('two turns at once on one socket', () => {
  it('are served one after the other, each with its own lease and records', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const [first, second] = [controlled(), controlled()];
    pool.fakeUpstream.account('a').sockets.answers(first.response, second.response);
    await using client = await SocketClient.connect(pool.origin);
    for (let sent = 0; sent < 2; sent += 1) client.send(JSON.stringify(responseCreate(client.session)));
    client.ping('in order behind both');
    await client.until(() => client.pongs.length === 1, 'a pong');
    await first.started;
    expect(pool.fakeUpstream.sockets.attempts()).toHaveLength(1);
    expect(await pool.account('a')).toMatchObject({ inFlight: 1 });
    expect(await recorded(pool)).toHaveLength(1);
    first.send(delta('one'), completed(usage(10)));
    first.end();
    await second.started;
    await client.untilTurnEnds();
    expect(await pool.account('a')).toMatchObject({ inFlight: 1 });
    expect(await recorded(pool)).toHaveLength(2);
    second.send(delta('two'), completed(usage(100)));
    second.end();
    const ended = () => client.messages.filter((it) => typeOf(it) === 'response.completed').length === 2;
    await client.until(ended, 'both ends');
    expect(deltas(client)).toEqual(['one', 'two']);
    expect(await pool.account('a')).toMatchObject({
      inFlight: 0,
      totals: { turns: 2, input: 110, cached: 2, output: 4, reasoning: 2 },
    });
  });
});

describe('a request for an upgrade', () => {
  it.each<[string, string, Record<string, string>, number, string]>([
    ['on another path', '/made-up', {}, 404, 'unknown_route'],
    ['on an operator path', '/admin/accounts', {}, 404, 'unknown_route'],
    [
      'from a page of another origin',
      '/v1/responses',
      { origin: 'https://evil.example' },
      403,
      'foreign_origin',
    ],
    ['with another Host', '/v1/responses', { host: 'evil.example' }, 403, 'forbidden_host'],
    ['without the client token', '/v1/responses', {}, 403, 'wrong_client_token'],
    ['without a key', '/v1/responses', { 'sec-websocket-key': 'x' }, 400, 'bad_websocket_handshake'],
    [
      'with another version',
      '/v1/responses',
      { 'sec-websocket-version': '12' },
      426,
      'bad_websocket_handshake',
    ],
    ['to something else', '/v1/responses', { upgrade: 'h2c' }, 426, 'upgrade_not_supported'],
  ])('is refused without asking upstream: %s', async (_what, path, headers, status, code) => {
    const wantsToken = code === 'wrong_client_token';
    await using pool = await TestPool.start(
      wantsToken ? { env: { PROXY_CLIENT_TOKEN: 'made-up-client-token' } } : {},
    );
    const response = await call(pool.origin, { path, headers: { ...upgrade, ...headers } });
    expect(response.status).toBe(status);
    expect(response.headers).toMatchObject({
      'content-type': expect.stringMatching(/^application\/json/),
      'x-codex-pool-error': code,
    });
    expect(JSON.parse(response.body.toString())).toHaveProperty('error.code', code);
    expect(pool.fakeUpstream.handshakes()).toEqual([]);
  });

  it('leaves no upstream socket if ws refuses it only at the end', async () => {
    await using pool = await TestPool.start();
    const headers = {
      ...upgrade,
      'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits=99',
    };
    expect((await call(pool.origin, { path: '/v1/responses', headers })).status).toBe(400);
    await pool.fakeUpstream.until(
      () => pool.fakeUpstream.sockets.list.every((it) => !it.isOpen),
      'the end of the socket',
    );
  });

  it('is accepted with the right client token', async () => {
    await using pool = await TestPool.start({ env: { PROXY_CLIENT_TOKEN: 'made-up-client-token' } });
    const headers = { authorization: 'Bearer made-up-client-token' };
    await using client = await SocketClient.connect(pool.origin, { headers });
    expect((await client.turn()).map(typeOf).at(-1)).toBe('response.completed');
    expect(JSON.stringify(pool.fakeUpstream.log)).not.toContain('made-up-client-token');
  });

  it.each(['h2c', 'websocket'])('is ignored when it comes with a turn over HTTP (%s)', async (to) => {
    await using pool = await TestPool.start();
    const turn = JSON.stringify({ model: 'gpt-5.5', stream: true, input: [] });
    const headers = {
      connection: 'Upgrade, HTTP2-Settings',
      upgrade: to,
      'http2-settings': 'AAMAAABkAAQAAP__',
    };
    const response = await call(pool.origin, turnWith(turn, headers));
    expect(response.status).toBe(200);
    expect(response.body.toString()).toContain('response.completed');
    expect(pool.fakeUpstream.turns()[0]?.body.toString()).toBe(turn);
    expect(pool.fakeUpstream.turns()[0]?.headers).not.toHaveProperty('upgrade');
  });

  it('waits for upstream’s own handshake, and aborts that when the client leaves', async () => {
    const asked = Promise.withResolvers<void>();
    await using upstream = await RawUpstream.start(() => asked.resolve());
    await using pool = await TestPool.start({ env: upstream.env });
    using client = new RawSocket(pool.origin);
    const fields = Object.entries({ host: '127.0.0.1', ...upgrade }).map(
      ([name, it]) => `${name}: ${it}\r\n`,
    );
    await client.write(`GET /v1/responses HTTP/1.1\r\n${fields.join('')}\r\n`);
    await asked.promise;
    expect(client.text).toBe('');
    client[Symbol.dispose]();
    await upstream.closed();
  });
});
