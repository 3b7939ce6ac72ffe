import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { FakeClock, SECOND } from '../../support/fake-clock.js';
import { aTurn, type TestPool } from '../../support/pool/pool.js';
import {
  expectQuiet,
  free,
  isServedBy,
  out,
  standing,
  startRanked,
  turnOf,
} from '../../support/pool/ranked-accounts.js';
import { deltasIn, send } from '../../support/clients/raw-client.js';
import { RawSocket, RawUpstream } from '../../support/clients/raw-socket.js';

const MiB = 1_024 * 1_024;
/** More than the buffers of a connection hold, and less than the replay budget. */
const large = JSON.stringify(aTurn({ input: 'x'.repeat(12 * MiB) }));

const whole = (status: number, body: Buffer | string, more = ''): Buffer =>
  Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status} Odd\r\n${more}content-length: ${Buffer.byteLength(body)}\r\n\r\n`),
    Buffer.from(body),
  ]);

/** A pool whose upstream responds this way to the first bytes of each connection and reads no further. */
async function startEarly(respond: (socket: Socket) => void) {
  let connections = 0;
  const upstream = await RawUpstream.start((socket) => {
    connections += 1;
    respond(socket);
  });
  const clock = new FakeClock();
  const pool = await startRanked({ env: upstream.env, clock });
  return { upstream, pool, clock, connections: () => connections };
}

const head = (pool: TestPool, framing: string) =>
  `POST /v1/responses HTTP/1.1\r\nhost: 127.0.0.1:${pool.port}\r\ncontent-type: application/json\r\n${framing}\r\n\r\n`;

describe('a response that comes while the body is still being sent', () => {
  const events = 'x-served-by: a\r\n';
  const json = 'content-type: application/json\r\n';
  const limit = '{"error":{"type":"usage_limit_reached","message":"no","resets_in_seconds":3600}}';

  it.each<[string, (socket: Socket, bytes: Buffer) => void]>([
    ['stays open', (socket, bytes) => void socket.write(bytes)],
    ['is closed', (socket, bytes) => void socket.end(bytes)],
  ])('reaches the client, when it is a turn and the connection %s', async (_how, respond) => {
    const { upstream, pool, connections } = await startEarly((it) =>
      respond(it, whole(200, turnOf('a'), events)),
    );
    await using _upstream = upstream;
    await using _pool = pool;
    await isServedBy(pool, 'a', { body: large });
    expect(connections()).toBe(1);
    expect(await standing(pool, 'a')).toEqual(free);
    await expectQuiet(pool);
    await upstream.closed();
  });

  it('reaches the client, when it reports a client error', async () => {
    const { upstream, pool, connections } = await startEarly(
      (it) => void it.write(whole(413, '{"detail":"too large"}', json)),
    );
    await using _upstream = upstream;
    await using _pool = pool;
    const response = await send(pool, { body: large });
    expect(response).toMatchObject({
      status: 413,
      isBroken: false,
      headers: { 'x-codex-pool-account': 'a' },
    });
    expect(response.body.toString()).toBe('{"detail":"too large"}');
    expect(connections()).toBe(1);
    expect(await standing(pool, 'a')).toEqual(free);
    await expectQuiet(pool);
    await upstream.closed();
  });

  it('fails over with the whole body, when it is a refusal', async () => {
    const { upstream, pool, clock, connections } = await startEarly(
      (it) => void it.write(whole(429, limit, json)),
    );
    await using _upstream = upstream;
    await using _pool = pool;
    const response = await send(pool, { body: large });
    expect(response).toMatchObject({ status: 429, headers: { 'x-codex-pool-error': 'usage_limit_reached' } });
    expect(connections()).toBe(2);
    for (const name of ['a', 'b'])
      expect(await standing(pool, name)).toEqual(out('quota-exhausted', clock.now() + 3_600 * SECOND));
    await expectQuiet(pool);
    await upstream.closed();
  });

  it('that is only a reset is retried once on the same account, then on another', async () => {
    const { upstream, pool, connections } = await startEarly((it) => void it.resetAndDestroy());
    await using _upstream = upstream;
    await using _pool = pool;
    const response = await send(pool, { body: large });
    expect(response).toMatchObject({
      status: 503,
      headers: { 'x-codex-pool-error': 'upstream_unreachable' },
    });
    expect(connections()).toBe(3);
    for (const name of ['a', 'b']) expect(await standing(pool, name)).toEqual(free);
    await expectQuiet(pool);
    await upstream.closed();
  });
});

describe('a client that leaves after half a body', () => {
  const half = JSON.stringify(aTurn()).slice(0, 40);

  it.each([
    ['content-length: 1000', half],
    ['transfer-encoding: chunked', `28\r\n${half}\r\n`],
    ['transfer-encoding: chunked', `ffff\r\n${half}`],
  ])('starts no turn: nothing is sent upstream and nothing kept (%s)', async (framing, body) => {
    await using pool = await startRanked({ clock: new FakeClock() });
    using client = new RawSocket(pool.origin);
    await client.write(head(pool, framing) + body);
    await expect.poll(async () => (await pool.client.get('/healthz')).status).toBe(200);
    client[Symbol.dispose]();
    await expectQuiet(pool);
    expect(pool.fakeUpstream.attempts()).toEqual([]);
    await isServedBy(pool, 'a');
    expect(pool.fakeUpstream.attempts()).toEqual(['a']);
    for (const name of ['a', 'b']) expect(await standing(pool, name)).toEqual(free);
  });

  it('too large to be replayed breaks off the attempt and blames no account', async () => {
    await using pool = await startRanked({ env: { PROXY_MAX_REPLAY_BYTES: '20' }, clock: new FakeClock() });
    using client = new RawSocket(pool.origin);
    await client.write(head(pool, 'content-length: 1000') + half);
    await expect.poll(() => pool.fakeUpstream.inFlight()).toBe(1);
    expect(await pool.account('a')).toMatchObject({ inFlight: 1 });
    client[Symbol.dispose]();
    await expectQuiet(pool);
    expect(pool.fakeUpstream.turns()).toMatchObject([{ account: 'a', closedEarly: true }]);
    for (const name of ['a', 'b']) expect(await standing(pool, name)).toEqual(free);
    const response = await send(pool);
    expect(deltasIn(response.body)).toEqual(['served ', 'by ', 'a']);
  });
});
