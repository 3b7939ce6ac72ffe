import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { Drain } from '../../../src/runtime/drain.js';
import { FakeClock } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { send } from '../../support/clients/raw-client.js';
import { ALMOST, newest } from '../../support/pool/held-refresh.js';
import { RawSocket, RawUpstream } from '../../support/clients/raw-socket.js';

const MiB = 1_024 * 1_024;
/** More than the buffers of two connections hold. */
const PIECES = 48;
const small = { PROXY_MAX_REPLAY_BYTES: '1000' };

const head = (pool: TestPool, framing: string) =>
  `POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1:${pool.port}\r\ncontent-type: application/json\r\n${framing}\r\n\r\n`;

const refusal = 'HTTP/1.1 500 Oops\r\ncontent-type: application/json\r\ncontent-length: 2\r\n';

describe('a body too large to be kept that upstream does not read completely', () => {
  const endings: [string, (socket: Socket) => void][] = [
    ['resets the connection', (socket) => void socket.resetAndDestroy()],
    ['closes the connection', (socket) => void socket.destroy()],
    ['refuses and closes', (socket) => void socket.end(`${refusal}connection: close\r\n\r\n{}`)],
    ['refuses, and keeps the connection open', (socket) => void socket.write(`${refusal}\r\n{}`)],
  ];

  it.each(
    endings.flatMap(([what, end]) => [
      [what, 'content-length', end] as const,
      [what, 'chunked', end] as const,
    ]),
  )('because it %s, is drained, and the client gets 503 (%s)', async (_what, framing, end) => {
    await using upstream = await RawUpstream.start(end);
    await using pool = await TestPool.start({ env: { ...small, ...upstream.env } });
    await polled(pool);
    const isChunked = framing === 'chunked';
    using client = new RawSocket(pool.origin);
    const length = `content-length: ${PIECES * MiB}`;
    await client.write(head(pool, isChunked ? 'transfer-encoding: chunked' : length));
    const piece = Buffer.alloc(MiB, 'x');
    let state = 'taken';
    for (let i = 0; i < PIECES && state === 'taken'; i += 1) {
      if (isChunked) await client.write(`${MiB.toString(16)}\r\n`);
      state = await client.write(piece);
      if (isChunked) await client.write('\r\n');
    }
    if (isChunked) await client.write('0\r\n\r\n');
    await expect
      .poll(() => client.text)
      .toMatch(/^HTTP\/1\.1 503 [^]*\r\nx-codex-pool-error: [^]*"message":/);
    await expect.poll(() => pool.running.app.get(Drain).inFlight).toBe(0);
    const { body } = await pool.client.get('/admin/accounts').expect(200);
    expect(body).toMatchObject([{ inFlight: 0 }, { inFlight: 0 }]);
    await upstream.closed();
  });
});

describe('a body that is not kept', () => {
  it('renews a rejected token for the client’s retry', async () => {
    await using pool = await TestPool.start({ accounts: ['a'], env: { PROXY_MAX_REPLAY_BYTES: '0' } });
    await polled(pool);
    pool.fakeUpstream.account('a').expireAccessToken();
    const first = await send(pool);
    expect(first).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    await pool.fakeUpstream.until(() => pool.fakeUpstream.tokens.requests.length === 1, 'the refresh');
    await expect.poll(() => pool.readAuth('a')).toMatchObject({ tokens: newest(pool) });
    expect((await send(pool)).status).toBe(200);
    expect(pool.fakeUpstream.tokens).toMatchObject({
      reuses: 0,
      requests: [{ reason: 'unauthorized_recovery' }],
    });
  });

  it.each([
    ['in one chunk', [2_000]],
    ['in two, the first of which just fits', [1_000, 1_000]],
    ['in two, the second of which is one byte', [1_999, 1]],
    ['in many', Array.from({ length: 100 }, () => 20)],
  ])('is sent completely when it arrives in one burst before its token, %s', async (_how, sizes) => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], env: small, clock });
    await polled(pool);
    clock.advance(ALMOST);
    const held = pool.fakeUpstream.tokens.hold();
    const json = JSON.stringify(aTurn());
    const body = json.slice(0, -1) + ' '.repeat(1_999 - json.length) + json.slice(-1) + ' ';
    let at = 0;
    const chunks = sizes.map((size) => {
      at += size;
      return `${size.toString(16)}\r\n${body.slice(at - size, at)}\r\n`;
    });
    using client = new RawSocket(pool.origin);
    const debounce =
      head(pool, 'transfer-encoding: chunked\r\nconnection: close') + chunks.join('') + '0\r\n\r\n';
    await client.write(debounce);
    await held.arrived;
    held.release();
    expect(await client.whole()).toMatch(/^HTTP\/1\.1 200 /);
    expect(pool.fakeUpstream.turns().map((it) => it.body.toString())).toEqual([body]);
  });
});
