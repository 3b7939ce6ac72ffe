import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { ReplayBudget } from '../../../src/proxy/request/replay-budget.js';
import { TestPool } from '../../support/pool/pool.js';

const MiB = 1_024 * 1_024;

/** Sends the head of a request and the beginning of its body, and keeps the connection open. */
async function begin(pool: TestPool, path: string, length: number, sent: Buffer): Promise<Socket> {
  const socket = connect(pool.port, '127.0.0.1').on('error', () => undefined);
  await once(socket, 'connect');
  socket.write(`POST ${path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${length}\r\n\r\n`);
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
