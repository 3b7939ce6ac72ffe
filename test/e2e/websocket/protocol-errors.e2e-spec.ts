import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { call } from '../../support/clients/raw-http.js';
import { RawSocket } from '../../support/clients/raw-socket.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { TestPool } from '../../support/pool/pool.js';

const TURNS = '/v1/responses';
const CONTROL = '/backend-api/wham/remote/control/server';
const upgrade = {
  connection: 'Upgrade',
  upgrade: 'websocket',
  'sec-websocket-version': '13',
  'sec-websocket-key': 'bWFkZSB1cCBub25jZSAxNg==',
};

/** A masked frame with an all-zero mask. `first`: FIN, RSV bits and opcode. */
const frame = (first: number, payload: Buffer = Buffer.from('x')): Buffer =>
  Buffer.concat([Buffer.from([first, 0x80 | payload.length, 0, 0, 0, 0]), payload]);

/** A client that has its WebSocket and then writes bytes of its own. */
async function opened(pool: TestPool, path: string) {
  const socket: Socket = connect({ port: pool.port, host: '127.0.0.1', allowHalfOpen: true }).on(
    'error',
    () => undefined,
  );
  let received = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => (received = Buffer.concat([received, bytes])));
  const lines = Object.entries({ host: '127.0.0.1', ...upgrade }).map(([name, it]) => `${name}: ${it}\r\n`);
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  await expect.poll(() => received.includes('\r\n\r\n')).toBe(true);
  expect(received.toString('latin1')).toMatch(/^HTTP\/1.1 101 /);
  return { socket, frames: () => received.subarray(received.indexOf('\r\n\r\n') + 4) };
}

/** The code of the close frame at the end of these frames; null without a close frame. */
function closeCode(frames: Buffer): number | null {
  const at = frames.indexOf(0x88);
  return at === -1 ? null : frames.readUInt16BE(at + 2);
}

describe.each([TURNS, CONTROL])('a client that breaks the protocol on %s', (path) => {
  it.each<[string, Buffer, number]>([
    ['reserved bits', frame(0xf1), 1002],
    ['an unknown opcode', frame(0x83), 1002],
    ['an unmasked frame', Buffer.from([0x81, 1, 0x78]), 1002],
    ['a continuation of nothing', frame(0x80), 1002],
    ['a fragmented ping', frame(0x09), 1002],
    ['a close frame with a bad code', frame(0x88, Buffer.from([0x03, 0xed])), 1002],
    ['a close frame with half a code', frame(0x88, Buffer.from([0x03])), 1002],
    [
      'a length of 2^63',
      Buffer.from([0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
      1009,
    ],
    ['a length above the limit', Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0]), 1009],
  ])('loses that socket alone, with its code, and upstream’s with it: %s', async (_what, bytes, code) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await using other = await SocketClient.connect(pool.origin, { path });
    const { socket, frames } = await opened(pool, path);
    const log = path === TURNS ? pool.fakeUpstream.sockets : pool.fakeUpstream.sideSockets;
    const upstream = log.list.at(-1);
    socket.write(bytes); // it answers neither the close frame nor the end of the connection
    await pool.fakeUpstream.until(() => upstream?.isOpen === false, 'the end at upstream', 2_500);
    expect(closeCode(frames())).toBe(code);
    socket.destroy();
    other.ping('still there?');
    await other.until(() => other.pongs.length === 1, 'a pong');
    expect(log.open).toBe(1);
    expect(await pool.account('a')).toMatchObject({ available: true, inFlight: 0 });
  });

  it.each<[string, Record<string, string>, number]>([
    ['a key that is too short', { 'sec-websocket-key': 'x' }, 400],
    ['no key', { 'sec-websocket-key': '' }, 400],
    ['version 8', { 'sec-websocket-version': '8' }, 426],
    ['version 12', { 'sec-websocket-version': '12' }, 426],
    ['no version', { 'sec-websocket-version': '' }, 426],
    ['versions 13 and 8', { 'sec-websocket-version': '13, 8' }, 426],
    ['a broken extension', { 'sec-websocket-extensions': 'permessage-deflate; ;' }, 400],
    [
      'an extension with a bad window',
      { 'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits=99' },
      400,
    ],
    ['a broken subprotocol', { 'sec-websocket-protocol': 'a,,b' }, 400],
    ['the same subprotocol twice', { 'sec-websocket-protocol': 'a, a' }, 400],
    ['a body', { 'content-length': '5' }, 400],
  ])('gets JSON when its handshake has %s', async (_what, headers, status) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const response = await call(pool.origin, { path, headers: { ...upgrade, ...headers } });
    expect(response.status).toBe(status);
    expect(response.headers).toMatchObject({
      'content-type': expect.stringMatching(/^application\/json/),
      'x-codex-pool-error': 'bad_websocket_handshake',
    });
    const { upgrade: to, 'sec-websocket-version': version } = response.headers;
    expect([to, version]).toEqual(status === 426 ? ['websocket', '13'] : [undefined, undefined]);
    expect(JSON.parse(response.body.toString())).toHaveProperty('error.code', 'bad_websocket_handshake');
    const log = path === TURNS ? pool.fakeUpstream.sockets : pool.fakeUpstream.sideSockets;
    await pool.fakeUpstream.until(() => log.open === 0, 'no socket');
  });

  it('gets a JSON error, never text, for any other method with an upgrade', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
      using client = new RawSocket(pool.origin);
      const lines = Object.entries({ host: '127.0.0.1', ...upgrade, connection: 'upgrade, close' });
      const head = lines.map(([name, it]) => `${name}: ${it}\r\n`).join('');
      await client.write(`${method} ${path} HTTP/1.1\r\n${head}\r\n`);
      const text = await client.whole();
      expect(text).toMatch(/^HTTP\/1.1 4\d\d [^]*content-type: application\/json/i);
    }
  });
});
