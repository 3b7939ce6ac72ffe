import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { ReplayBudget } from '../../../src/proxy/request/replay-budget.js';
import { TestPool } from '../../support/pool/pool.js';

const MiB = 1_024 * 1_024;

/** Sends the head of a request and the beginning of its body, and keeps the connection open. */
async function begin(
  pool: TestPool,
  path: string,
  length: number,
  sent: Buffer,
  method = 'POST',
): Promise<Socket> {
  const socket = connect(pool.port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  const type = 'content-type: application/json';
  socket.write(
    `${method} ${path} HTTP/1.1\r\nhost: localhost\r\n${type}\r\ncontent-length: ${length}\r\n\r\n`,
  );
  socket.write(sent);
  return socket;
}

async function responseOn(socket: Socket): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of socket) if (Buffer.isBuffer(piece)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('a body for a local route', () => {
  it('takes nothing of the room that turns need for another attempt', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const budget = pool.running.app.get(ReplayBudget);
    const sockets = await Promise.all(
      Array.from(
        { length: 5 },
        async () => await begin(pool, '/oauth/token', 60_000, Buffer.alloc(50_000, '0')),
      ),
    );
    const turn = await begin(pool, '/v1/responses', MiB, Buffer.alloc(100_000, '0'));
    await expect.poll(() => budget.bytes).toBe(100_000); // the turn's alone
    for (const it of [...sockets, turn]) it.destroy();
    await expect.poll(() => budget.bytes).toBe(0);
  });

  it('is refused, like one of more than 64 KiB, when all such bodies together exceed their bound', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const [each, all] = [60_000, limits.localBodyBytesInTotal];
    const held: Socket[] = [];
    for (let bytes = each; bytes <= all; bytes += each)
      held.push(await begin(pool, '/oauth/token', 65_000, Buffer.alloc(each, '0')));
    await pool.client.get('/v1').expect(200); // all of them have been read by now
    const surplus = await begin(pool, '/oauth/token', 65_000, Buffer.alloc(each, '0'));
    const [piece] = await once(surplus, 'data');
    expect(String(piece)).toMatch(/^HTTP\/1\.1 403 [^]*not_a_placeholder_login/);
    expect(held.filter((it) => it.readableLength > 0 || it.closed)).toEqual([]);
    expect(pool.running.app.get(ReplayBudget).bytes).toBe(0);
    for (const it of [...held, surplus]) it.destroy();
  });

  it('of more than 64 KiB is refused without being read', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const socket = await begin(pool, '/oauth/token', 16 * MiB, Buffer.alloc(100_000, '0'));
    const [piece] = await once(socket, 'data');
    expect(String(piece)).toMatch(/^HTTP\/1\.1 403 [^]*not_a_placeholder_login/);
    socket.destroy();
  });

  it('that does not arrive within 10 s is answered with 408, in JSON', { timeout: 20_000 }, async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const socket = await begin(pool, '/oauth/token', 1_000, Buffer.from('{'));
    expect(await responseOn(socket)).toMatch(
      /^HTTP\/1\.1 408 [^]*connection: close[^]*"code":"request_timeout"/i,
    );
  });
});

describe('a body that stands still', () => {
  const { bodyStallMs } = limits;
  beforeEach(() => void Object.assign(limits, { bodyStallMs: 400 }));
  afterEach(() => void Object.assign(limits, { bodyStallMs }));

  const piece = Buffer.from('{"input":');
  const env = { PROXY_MAX_REPLAY_BYTES: '1000' };

  it.each<[string, string, string, number]>([
    ['of a turn', 'POST', '/v1/responses', 900],
    ['of a turn that is too large to keep', 'POST', '/v1/responses', 100_000],
    ['of an upload that is too large to keep', 'POST', '/backend-api/files', 100_000],
    ['of a request for the home account', 'POST', '/backend-api/wham/tasks', 100_000],
  ])('%s ends with 408, in JSON, and blames no account', async (_what, method, path, length) => {
    await using pool = await TestPool.start({ accounts: ['a'], env });
    const socket = await begin(pool, path, length, piece, method);
    expect(await responseOn(socket)).toMatch(
      /^HTTP\/1\.1 408 [^]*connection: close[^]*"code":"request_timeout"/i,
    );
    await expect.poll(async () => await pool.account('a')).toMatchObject({ available: true, inFlight: 0 });
    // What had begun at upstream ends as well.
    await pool.fakeUpstream.untilIdle();
    await expect.poll(() => pool.running.app.get(ReplayBudget).bytes).toBe(0);
    expect(pool.logger.lines.join('\n')).not.toContain('internal');
  });

  it.each<[string, string, string]>([
    ['an import', 'POST', '/admin/accounts'],
    ['new settings', 'PATCH', '/admin/accounts/a'],
    ['a login', 'POST', '/admin/login/browser'],
  ])('of %s ends with 408, as a problem', async (_what, method, path) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const response = await responseOn(await begin(pool, path, 900, piece, method));
    expect(response).toMatch(/^HTTP\/1\.1 408 [^]*application\/problem\+json[^]*"code":"request_timeout"/i);
    expect(response.match(/HTTP\/1\.1/g)).toHaveLength(1);
    const { body } = await pool.client.get('/healthz').expect(200);
    expect(body.details.faults).toMatchObject({ status: 'up' });
  });

  it.each<[string, string, string, number]>([
    ['of an unknown route', 'POST', '/nothing/here', 404],
    ['of a wrong method', 'PUT', '/v1/responses', 405],
    ['of a path that is not canonical', 'POST', '/v1//responses', 404],
    ['of a page that takes none', 'GET', '/healthz', 200],
  ])('%s ends the connection, which had its response', async (_what, method, path, status) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const socket = await begin(pool, path, 900, piece, method);
    expect(await responseOn(socket)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });

  it('while upstream takes nothing is not the fault of the client', async () => {
    const upstream = createServer((socket) => void socket.on('error', () => undefined).pause());
    upstream.listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const address = upstream.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const base = `http://127.0.0.1:${port}`;
    await using pool = await TestPool.start({
      accounts: ['a'],
      env: { ...env, UPSTREAM_RESPONSES_BASE: base },
    });
    const arrival = once(upstream, 'connection');
    const length = 64 * MiB;
    const socket = await begin(pool, '/v1/responses', length, piece);
    socket.write(Buffer.alloc(length - piece.length, '0'));
    const [reader]: Socket[] = await arrival;
    const response = once(socket, 'data');
    expect(await Promise.race([response.then(String), pause(3_000, 'none')])).toBe('none');
    reader
      ?.once('data', () => reader.write('HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}'))
      .resume();
    expect(String(await response)).toMatch(/^HTTP\/1\.1 400 /);
    socket.destroy();
    reader?.destroy();
    upstream.close();
  });

  it('goes on as long as a byte arrives now and then', async () => {
    await using pool = await TestPool.start({ accounts: ['a'], env });
    const socket = await begin(pool, '/v1/responses', 2_000, Buffer.alloc(1_990, ' '));
    for (let n = 0; n < 10; n += 1) {
      await pause(200);
      socket.write(' ');
    }
    const [data] = await once(socket, 'data');
    expect(String(data)).toMatch(/^HTTP\/1\.1 200 /);
    socket.destroy();
  });
});
