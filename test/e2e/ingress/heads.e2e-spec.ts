import type { IncomingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { refuses, streams } from '../../../src/fake-upstream/script/responses.js';
import { accepts } from '../../../src/fake-upstream/script/socket-script.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { call, turnWith } from '../../support/clients/raw-http.js';
import { head, statusesIn, upgrade } from '../../support/clients/request-bytes.js';
import { RawSocket } from '../../support/clients/raw-socket.js';

const large = (KiB: number): Record<string, string> => ({ 'x-large': 'x'.repeat(KiB * 1_024) });
/** More fields than Node keeps by default, and than it reads in one go. */
const many = Object.fromEntries(Array.from({ length: 2_500 }, (_, i) => [`x-${i}`, 'y']));
const turn = (headers: Record<string, string>) => {
  const asked = turnWith(JSON.stringify(aTurn()));
  return { ...asked, headers: { ...asked.headers, ...headers } };
};
const side = '/backend-api/wham/tasks';
/** The fields that upstream has received on the side route; its responses have these. */
function sideRoute(pool: TestPool, headers: Record<string, string> = {}): IncomingHttpHeaders[] {
  const received: IncomingHttpHeaders[] = [];
  pool.fakeUpstream.on('GET', side, (req, res) => {
    received.push(req.headers);
    res.writeHead(200, { 'content-type': 'application/json', ...headers }).end('{}');
  });
  return received;
}

describe('the head of a request', () => {
  it('of 63 KiB passes: turns, side routes, WebSockets', async () => {
    await using pool = await TestPool.start();
    expect(await call(pool.origin, turn(large(63)))).toMatchObject({ status: 200 });
    expect(pool.fakeUpstream.turns()[0]?.headers['x-large']).toHaveLength(63 * 1_024);
    expect(await call(pool.origin, { path: '/healthz', headers: large(63) })).toMatchObject({ status: 200 });
    const received = sideRoute(pool);
    expect(await call(pool.origin, { path: side, headers: large(63) })).toMatchObject({ status: 200 });
    expect(received[0]?.['x-large']).toHaveLength(63 * 1_024);
    using client = new RawSocket(pool.origin);
    await client.write(upgrade(large(63)));
    await client.until('HTTP/1.1 101 ');
    expect(pool.fakeUpstream.handshakes()[0]?.headers['x-large']).toHaveLength(63 * 1_024);
  });

  it.each([65, 200])('of %i KiB gets 431 in JSON, after the responses before it', async (size) => {
    await using pool = await TestPool.start();
    for (const request of [
      head('POST /v1/responses', large(size)),
      head(`GET ${side}`, large(size)),
      upgrade(large(size)),
    ]) {
      using client = new RawSocket(pool.origin);
      await client.write(head('GET /healthz') + request);
      const text = await client.whole();
      expect(statusesIn(text)).toEqual([200, 431]);
      expect(text).toMatch(/"code":"headers_too_large"/);
    }
    expect(pool.fakeUpstream.turns()).toHaveLength(0);
    expect(pool.fakeUpstream.handshakes()).toHaveLength(0);
  });

  it('keeps its last field behind thousands', async () => {
    await using pool = await TestPool.start({ env: { PROXY_CLIENT_TOKEN: 'made-up-token' } });
    const headers = { ...many, authorization: 'Bearer made-up-token', 'x-last': 'z' };
    expect(await call(pool.origin, turn(headers))).toMatchObject({ status: 200 });
    expect(pool.fakeUpstream.turns()[0]?.headers).toMatchObject({ 'x-0': 'y', 'x-2499': 'y', 'x-last': 'z' });
  });
});

describe('the head of a response', () => {
  it('of 63 KiB passes: turns, side routes, WebSockets', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const account = pool.fakeUpstream.account('a');
    account.answers(streams({ headers: large(63) }));
    expect((await call(pool.origin, turn({}))).headers['x-large']).toHaveLength(63 * 1_024);
    sideRoute(pool, large(63));
    expect((await call(pool.origin, { path: side })).headers['x-large']).toHaveLength(63 * 1_024);
    account.sockets.handshakes(accepts({ headers: large(63) }));
    using client = new RawSocket(pool.origin);
    await client.write(upgrade());
    await client.until('HTTP/1.1 101 ');
    expect(pool.fakeUpstream.handshakes()).toHaveLength(1);
  });

  it('keeps its last field behind thousands', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream.account('a').answers(streams({ headers: { ...many, 'x-last': 'z' } }));
    expect((await call(pool.origin, turn({}))).headers).toMatchObject({ 'x-2499': 'y', 'x-last': 'z' });
  });

  it.each([65, 200])(
    'of %i KiB is upstream’s fault: another account serves, and none is out',
    async (size) => {
      await using pool = await TestPool.start({ env: { PROXY_POLICY: 'fill-first' } });
      pool.fakeUpstream.account('a').always(streams({ headers: large(size) }));
      const response = await call(pool.origin, turn({}));
      expect(response).toMatchObject({ status: 200, headers: { 'x-codex-pool-account': 'b' } });
      expect(pool.fakeUpstream.attempts()).toEqual(['a', 'a', 'b']);
      expect(await pool.account('a')).toMatchObject({ available: true, reason: null, inFlight: 0 });
    },
  );

  it.each([65, 200])('of %i KiB on a side route gets a local 5xx in JSON', async (size) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    sideRoute(pool, large(size));
    const response = await call(pool.origin, { path: side });
    expect(response.status).toBeGreaterThanOrEqual(502);
    expect(response.headers['content-type']).toContain('application/json');
    expect(await pool.account('a')).toMatchObject({ available: true, reason: null, inFlight: 0 });
  });

  it.each([65, 200])('of %i KiB in a handshake opens the WebSocket elsewhere', async (size) => {
    await using pool = await TestPool.start({ env: { PROXY_POLICY: 'fill-first' } });
    pool.fakeUpstream.account('a').sockets.handshakesAlways(refuses(503, {}, large(size)));
    using client = new RawSocket(pool.origin);
    await client.write(upgrade());
    await client.until('HTTP/1.1 101 ');
    expect(client.text).toContain('x-codex-pool-account: b');
    expect(await pool.account('a')).toMatchObject({ available: true, reason: null });
  });
});
