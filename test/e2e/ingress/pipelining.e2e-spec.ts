import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { Drain } from '../../../src/runtime/drain.js';
import { ReplayBudget } from '../../../src/proxy/request/replay-budget.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { hangs, large, streams } from '../../../src/fake-upstream/script/responses.js';
import { completed, created, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { connectTo, head, packet, post, statusesIn, upgrade } from '../../support/clients/request-bytes.js';
import { RawSocket } from '../../support/clients/raw-socket.js';
import { TestPool } from '../../support/pool/pool.js';

const atOnce = limits.pipelinedRequests;
const streamed = () => streams({ events: [created(), delta('x')], thenHang: true });

async function expectNothingLeft(pool: TestPool): Promise<void> {
  await expect.poll(() => pool.fakeUpstream.inFlight(), { timeout: 1_000 }).toBe(0);
  await expect.poll(() => pool.running.app.get(Drain).inFlight).toBe(0);
  expect(pool.running.app.get(ReplayBudget, { strict: false }).bytes).toBe(0);
  for (const it of pool.registry.list()) expect(it.inFlight).toBe(0);
}

describe('2,000 requests of a client that reads nothing', () => {
  it.each([
    ['in one write', 2_000],
    ['in many', 100],
  ])(`are taken up ${atOnce} at a time: %s`, async (_how, inOneWrite) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream.account('a').always(streamed());
    using client = new RawSocket(pool.origin);
    client.stopReading();
    for (let sent = 0; sent < 2_000; sent += inOneWrite)
      await client.write(packet(...Array<string>(inOneWrite).fill(post())));
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length >= atOnce, 'the first turns');
    // Another client is served, and meanwhile no more of the first one's requests are.
    for (let again = 0; again < 5; again += 1) await pool.client.get('/healthz').expect(200);
    expect(pool.fakeUpstream.turns()).toHaveLength(atOnce);
    expect(pool.running.app.get(Drain).inFlight).toBe(atOnce);
    client.reset();
    await expectNothingLeft(pool);
    expect(pool.fakeUpstream.turns()).toHaveLength(atOnce);
  });
});

describe('pipelined requests', () => {
  it('are all served, in order, when their client reads', async () => {
    await using pool = await TestPool.start();
    using client = new RawSocket(pool.origin);
    const requests = Array.from({ length: 500 }, (_, i) =>
      i % 5 === 0 ? post() : head(i % 2 === 0 ? 'GET /healthz' : 'GET /nowhere'),
    );
    await client.write(packet(...requests, head('GET /v1', { connection: 'close' })));
    const expected = requests.map((_, i) => (i % 5 === 0 || i % 2 === 0 ? 200 : 404));
    expect(statusesIn(await client.whole())).toEqual([...expected, 200]);
    await expectNothingLeft(pool);
  });

  it('pass whole, whatever the size of their bodies and the packets they come in', async () => {
    await using pool = await TestPool.start();
    using client = new RawSocket(pool.origin);
    const sizes = [10, 200_000, 10, 3_000_000, 70_000, 10, 1_500_000, 10, 10, 400_000];
    const bodies = sizes.map((size, i) => JSON.stringify({ model: 'm', input: `${i}${'x'.repeat(size)}` }));
    const requests = bodies.map((body, i) => {
      const last = i === bodies.length - 1 ? { connection: 'close' } : undefined;
      return head('POST /v1/responses', { 'content-length': String(body.length), ...last }) + body;
    });
    const bytes = packet(...requests);
    void (async () => {
      for (let at = 0; at < bytes.length; at += 33_333) await client.write(bytes.slice(at, at + 33_333));
    })();
    expect(statusesIn(await client.whole())).toEqual(sizes.map(() => 200));
    expect(
      pool.fakeUpstream
        .turns()
        .map((it) => it.body.toString())
        .toSorted(),
    ).toEqual(bodies.toSorted());
    await expectNothingLeft(pool);
  });

  it.each([
    ['CONNECT', connectTo('upstream.example:443'), ' 405 '],
    ['an upgrade', upgrade(), ' 101 '],
    ['a broken request', 'nonsense\r\n\r\n', ' 400 '],
  ])('reach %s behind them', async (_what, behind, status) => {
    await using pool = await TestPool.start();
    using client = new RawSocket(pool.origin);
    const count = 60;
    const requests = Array<string>(count).fill(post());
    await client.write(packet(...requests.slice(0, 30)));
    await client.write(packet(...requests.slice(30), behind));
    await client.until(status);
    expect(statusesIn(client.text).slice(0, count)).toEqual(Array<number>(count).fill(200));
    expect(client.text.match(/"type":"response.completed"/g)).toHaveLength(count);
  });

  it('hand over what follows an upgrade to the WebSocket', async () => {
    await using pool = await TestPool.start();
    using client = new RawSocket(pool.origin);
    // A masked ping with an empty payload (RFC 6455 5.5.2), which is answered with a pong.
    const ping = Buffer.from([0x89, 0x80, 1, 2, 3, 4]);
    const before = Buffer.from(packet(...Array<string>(30).fill(post()), upgrade()));
    await client.write(Buffer.concat([before, ping, ping]));
    await client.until('HTTP/1.1 101 ');
    await client.until('\x8a\x00\x8a\x00');
    expect(statusesIn(client.text)).toEqual([...Array<number>(30).fill(200), 101]);
  });

  it.each(['reset', 'close', 'half close'])(
    'end within a second when their client leaves by %s',
    async (how) => {
      await using pool = await TestPool.start();
      for (const name of ['a', 'b']) pool.fakeUpstream.account(name).always(streamed());
      using client = new RawSocket(pool.origin);
      await client.write(packet(...Array<string>(200).fill(post())));
      await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === atOnce, 'the first turns');
      await client.write(packet(...Array<string>(200).fill(post())));
      if (how === 'reset') client.reset();
      else if (how === 'close') client[Symbol.dispose]();
      else client.halfClose();
      await expectNothingLeft(pool);
      expect(pool.fakeUpstream.turns()).toHaveLength(atOnce);
    },
  );

  it('beyond the bytes that are held go on when the first are served', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const first = Array.from({ length: atOnce }, () => hangs());
    pool.fakeUpstream.account('a').answers(...first);
    using client = new RawSocket(pool.origin);
    const body = JSON.stringify({ model: 'm', input: 'x'.repeat(limits.socketBacklogBytes) });
    const request = head('POST /v1/responses', { 'content-length': String(body.length) }) + body;
    await client.write(packet(...Array<string>(atOnce + 1).fill(post())));
    const sent = client.write(packet(...Array<string>(12).fill(request)));
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === atOnce, 'the first turns');
    for (const it of first) it.release();
    await sent;
    const all = atOnce + 13;
    await expect.poll(() => statusesIn(client.text), { timeout: 5_000 }).toHaveLength(all);
    expect(statusesIn(client.text)).toEqual(Array<number>(all).fill(200));
  });

  it('go on after the client has not read for a while', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream.account('a').answers(large(16 * 1_024 * 1_024));
    const connected = once(pool.running.server, 'connection');
    using client = new RawSocket(pool.origin);
    client.stopReading();
    await client.write(post());
    const [connection]: Socket[] = await connected;
    await expect.poll(() => connection?.writableNeedDrain).toBe(true);
    await client.write(packet(...Array<string>(10).fill(head('GET /v1'))));
    await expect.poll(() => connection?.isPaused()).toBe(true); // by Node: responses wait for their client
    client.readOn();
    await expect.poll(() => statusesIn(client.text), { timeout: 10_000 }).toHaveLength(11);
    await client.write(packet(head('GET /v1')));
    await expect.poll(() => statusesIn(client.text)).toHaveLength(12);
    client[Symbol.dispose]();
    await expectNothingLeft(pool);
  });

  it('do not delay the turn before them', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const upstream = controlled();
    pool.fakeUpstream.account('a').answers(upstream.response);
    using client = new RawSocket(pool.origin);
    await client.write(packet(post(), ...Array<string>(100).fill(head('GET /healthz'))));
    upstream.send(created(), delta('one'));
    await client.until('"delta":"one"');
    upstream.send(delta('two'), completed());
    upstream.end();
    await expect.poll(() => statusesIn(client.text)).toHaveLength(101);
  });
});
