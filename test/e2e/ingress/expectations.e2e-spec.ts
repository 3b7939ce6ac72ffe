import { describe, expect, it } from 'vitest';
import { ReplayBudget } from '../../../src/proxy/request/replay-budget.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { completed, created, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { connectTo, head, packet, post, statusesIn, upgrade } from '../../support/clients/request-bytes.js';
import { RawSocket } from '../../support/clients/raw-socket.js';
import { TestPool } from '../../support/pool/pool.js';

const expecting = { expect: '100-continue' };
const turn = post(expecting);
const [turnHead = ''] = turn.split('\r\n\r\n', 1);
const bodyLength = turn.length - turnHead.length - 4;

describe('a request with Expect: 100-continue', () => {
  it('gets the 100 before its body, and then its response', async () => {
    await using pool = await TestPool.start();
    using client = new RawSocket(pool.origin);
    await client.write(`${turnHead}\r\n\r\n`);
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    expect(pool.fakeUpstream.turns()).toHaveLength(0);
    await client.write(turn.slice(-bodyLength));
    await client.until('response.completed');
    expect(statusesIn(client.text)).toEqual([100, 200]);
    expect(pool.fakeUpstream.turns()[0]?.headers).not.toHaveProperty('expect');
  });

  it('behind a turn gets the 100 after the response to that turn', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const upstream = controlled();
    pool.fakeUpstream.account('a').answers(upstream.response);
    using client = new RawSocket(pool.origin);
    await client.write(packet(post(), `${turnHead}\r\n\r\n`));
    upstream.send(created(), delta('x'));
    await client.until('"delta":"x"');
    expect(statusesIn(client.text)).toEqual([200]);
    upstream.send(completed());
    upstream.end();
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    expect(client.text).toMatch(/\r\n0\r\n\r\nHTTP\/1\.1 100 Continue\r\n\r\n$/);
    await client.write(turn.slice(-bodyLength));
    await expect.poll(() => client.text.match(/"type":"response.completed"/g)).toHaveLength(2);
    expect(statusesIn(client.text)).toEqual([200, 100, 200]);
  });

  it.each([
    ['HTTP', head('GET /healthz', { connection: 'close' }), 200],
    ['CONNECT', connectTo('upstream.example:443'), 405],
    ['an upgrade', upgrade(), 101],
  ])('is in order with %s behind it, even if it does not wait for the 100', async (_what, behind, status) => {
    await using pool = await TestPool.start();
    using client = new RawSocket(pool.origin);
    await client.write(packet(post(), turn, head('GET /healthz', expecting), behind));
    await client.until(` ${status} `);
    if (status !== 101) await client.whole();
    const heads = client.text.split('HTTP/1.1 ').slice(1);
    // Bodies that have arrived need no 100.
    expect(heads.map((it) => Number(it.slice(0, 3)))).toEqual([200, 200, 200, status]);
    expect(client.text.match(/"type":"response.completed"/g)).toHaveLength(2);
  });

  it.each([
    ['for an unknown path', 'POST /nowhere', {}, {}, 404],
    ['for a foreign host', 'POST /v1/responses', { host: 'evil.example' }, {}, 403],
    ['without the client token', 'POST /v1/responses', {}, { PROXY_CLIENT_TOKEN: 'made-up-token' }, 403],
    ['with the wrong method', 'DELETE /v1/responses', {}, {}, 405],
  ])('is refused without the 100 %s, and closed', async (_why, line, fields, env, status) => {
    await using pool = await TestPool.start({ env: { ...env } });
    using client = new RawSocket(pool.origin);
    const size = { 'content-length': '100000' };
    await client.write(packet(head('GET /healthz'), head(line, { ...expecting, ...size, ...fields })));
    const text = await client.whole();
    expect(statusesIn(text)).toEqual([200, status]);
    expect(text.slice(text.lastIndexOf('HTTP/1.1 '))).toMatch(/^connection: close\r$/im);
  });

  it('may never send its body: everything is released when its client leaves', async () => {
    await using pool = await TestPool.start();
    using client = new RawSocket(pool.origin);
    await client.write(packet(head('GET /healthz'), `${turnHead}\r\n\r\n`));
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    await client.write(turn.slice(-bodyLength, -5));
    client.reset();
    await expect.poll(() => pool.running.app.get(ReplayBudget, { strict: false }).bytes).toBe(0);
    expect(pool.fakeUpstream.turns()).toHaveLength(0);
    await pool.turn().expect(200);
  });
});
