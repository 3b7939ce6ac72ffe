import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { type BareSocket, BareUpstream } from '../../support/clients/bare-sockets.js';
import { eventually } from '../../support/eventually.js';
import { TestPool } from '../../support/pool/pool.js';

const MiB = 1_024 * 1_024;
const COUNT = 256;
const piece = { bytes: Buffer.alloc(MiB / 4, 'x'), isBinary: true };
const TOTAL = COUNT * piece.bytes.length;
/** An upper bound of the bytes that the two connections buffer on loopback. */
const KERNEL = 24 * MiB;

/** Bytes sent before the sender is paused. */
async function standsStill(sender: BareSocket): Promise<number> {
  let before = -1;
  let calm = 0;
  await eventually(async () => {
    const { bufferedAmount: now } = sender.ws;
    calm = now === before ? calm + 1 : 0;
    before = now;
    // TCP itself pauses for 200 ms and more while its buffers grow.
    return await Promise.resolve(calm >= 40 ? null : `${now} bytes still wait, and grow less`);
  }, 8_000);
  return TOTAL - before;
}

describe.each(['/v1/responses', '/v1/realtime'])('a slow reader on %s', (path) => {
  it('pauses upstream and finally gets everything when it is the client', async () => {
    await using upstream = await BareUpstream.start(false);
    await using pool = await TestPool.start({ env: upstream.env });
    const connections: Socket[] = [];
    pool.running.server.on('connection', (it) => connections.push(it));
    const ends = await upstream.through(pool.origin, 's-1', path);
    ends.client.ws.pause();
    for (let sent = 0; sent < COUNT; sent += 1) ends.upstream.send(piece);
    expect(await standsStill(ends.upstream)).toBeLessThan(KERNEL);
    const backlog = Math.max(...connections.map((it) => it.writableLength));
    expect(backlog).toBeGreaterThanOrEqual(limits.socketBacklogBytes);
    expect(backlog).toBeLessThan(3 * limits.socketBacklogBytes);
    ends.client.ws.resume();
    const came = await ends.client.gets(COUNT);
    expect(came.reduce((sum, it) => sum + it.bytes.length, 0)).toBe(TOTAL);
  });

  it('pauses the client and finally gets everything when it is upstream', async () => {
    await using upstream = await BareUpstream.start(false);
    await using pool = await TestPool.start({ env: upstream.env });
    const ends = await upstream.through(pool.origin, 's-1', path);
    ends.upstream.ws.pause();
    for (let sent = 0; sent < COUNT; sent += 1) ends.client.send(piece);
    expect(await standsStill(ends.client)).toBeLessThan(KERNEL);
    ends.upstream.ws.resume();
    const came = await ends.upstream.gets(COUNT);
    expect(came.reduce((sum, it) => sum + it.bytes.length, 0)).toBe(TOTAL);
  });
});
