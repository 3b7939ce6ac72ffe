import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { Drain } from '../../../src/runtime/drain.js';
import { ReplayBudget } from '../../../src/proxy/request/replay-budget.js';
import { streams } from '../../../src/fake-upstream/script/responses.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { created, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { connectTo, head, packet, post, statusesIn } from '../../support/clients/request-bytes.js';
import { TestPool } from '../../support/pool/pool.js';
import { RawSocket } from '../../support/clients/raw-socket.js';

const POSTS = 40;
const PACKETS = 16;
const target = 'upstream.example:443';
const allowed = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

describe('CONNECT', () => {
  it('gets 405 in JSON with the allowed methods, and its connection is closed', async () => {
    await using pool = await TestPool.start();
    using client = new RawSocket(pool.origin);
    await client.write(connectTo(target));
    const text = await client.whole();
    expect(statusesIn(text)).toEqual([405]);
    expect(text).toMatch(/^connection: close\r$/im);
    expect(text).toMatch(new RegExp(`^allow: ${allowed}\\r$`, 'im'));
    expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({
      error: { type: 'invalid_request', code: 'method_not_allowed' },
    });
    expect(pool.fakeUpstream.turns()).toHaveLength(0);
  });

  it.each([
    ['for a foreign host', { host: target }, {}, 'forbidden_host'],
    ['without the client token', {}, { PROXY_CLIENT_TOKEN: 'made-up-token' }, 'wrong_client_token'],
  ])('passes every request’s checks first: 403 %s', async (_which, fields, env, code) => {
    await using pool = await TestPool.start({ env: { ...env } });
    using client = new RawSocket(pool.origin);
    await client.write(connectTo(target, fields));
    const text = await client.whole();
    expect(statusesIn(text)).toEqual([403]);
    expect(text).toContain(code);
  });

  it('waits for the responses before it', async () => {
    await using pool = await TestPool.start();
    using client = new RawSocket(pool.origin);
    await client.write(packet(post(), head('GET /healthz'), post(), connectTo(target)));
    const text = await client.whole();
    expect(statusesIn(text)).toEqual([200, 200, 200, 405]);
    expect(text.match(/response\.completed/g)?.length).toBeGreaterThanOrEqual(2);
  });
});

describe(`${POSTS} turns in one packet, ${PACKETS} packets`, { timeout: 60_000 }, () => {
  it.each([
    ['with a CONNECT behind them, then closed', [connectTo(target)], 'close'],
    ['with a CONNECT behind them, then reset', [connectTo(target)], 'reset'],
    ['then closed', [], 'close'],
    ['then reset', [], 'reset'],
  ] as const)('%s, leave nothing behind', async (_how, behind, end) => {
    await using pool = await TestPool.start({ env: { PROXY_POLICY: 'fill-first' } });
    for (const name of ['a', 'b'])
      pool.fakeUpstream.account(name).always(streams({ events: [created(), delta('x')], thenHang: true }));
    const clients = Array.from({ length: PACKETS }, () => new RawSocket(pool.origin));
    for (const it of clients) await it.write(packet(...Array<string>(POSTS).fill(post()), ...behind));
    const { fakeUpstream } = pool;
    const served = limits.pipelinedRequests * PACKETS;
    await fakeUpstream.until(() => fakeUpstream.turns().length === served, 'the first turns', 30_000);
    for (const it of clients) {
      if (end === 'reset') it.reset();
      else it[Symbol.dispose]();
    }
    await expect.poll(() => fakeUpstream.inFlight(), { timeout: 5_000 }).toBe(0);
    await expect.poll(() => pool.running.app.get(Drain).inFlight).toBe(0);
    expect(pool.running.app.get(ReplayBudget, { strict: false }).bytes).toBe(0);
    for (const it of pool.registry.list()) expect(it.inFlight).toBe(0);
    fakeUpstream.account('a').always(usageLimit());
    fakeUpstream.account('b').always(streams());
    expect((await pool.turn().expect(200)).headers['x-codex-pool-account']).toBe('b');
    expect(await pool.running.stop()).toBe(true);
  });
});
