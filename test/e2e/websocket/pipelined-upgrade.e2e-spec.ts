import { describe, expect, it } from 'vitest';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { completed, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { Program } from '../../support/program/child-process.js';
import { head, packet, post, statusesIn, upgrade } from '../../support/clients/request-bytes.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { call, send, turnWith } from '../../support/clients/raw-http.js';
import { RawSocket } from '../../support/clients/raw-socket.js';

const healthz = head('GET /healthz');

describe('an upgrade in the same packet as a preceding request', () => {
  it('leaves other clients’ streams intact and the program running', { timeout: 30_000 }, async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    await using program = await Program.spawn({ fakeUpstream, accounts: ['a'] });
    const origin = await program.origin();
    const upstream = controlled();
    fakeUpstream.account('a').answers(upstream.response);
    const other = send(origin, turnWith(JSON.stringify(aTurn())));
    upstream.send(delta('before'));
    await other.untilText('before');
    using client = new RawSocket(origin);
    await client.write(packet(healthz, upgrade()));
    await client.until('HTTP/1.1 101 ');
    expect(statusesIn(client.text)).toEqual([200, 101]);
    upstream.send(delta('after'), completed());
    upstream.end();
    expect(await other.whole()).toMatchObject({ status: 200, isBroken: false });
    expect(other.text).toContain('response.completed');
    expect(await call(origin, { path: '/healthz' })).toMatchObject({ status: 200 });
  });

  it('opens once a slow response before it is complete, however slowly it is read', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const upstream = controlled();
    pool.fakeUpstream.account('a').answers(upstream.response);
    using client = new RawSocket(pool.origin);
    await client.write(packet(post(), upgrade()));
    await upstream.started;
    const large = 'x'.repeat(1_000_000);
    for (let piece = 0; piece < 4; piece += 1) upstream.send(delta(large));
    upstream.send(completed());
    await client.until('response.completed');
    expect(statusesIn(client.text)).toEqual([200]);
    expect(pool.fakeUpstream.handshakes()).toHaveLength(0);
    upstream.end();
    await client.until('HTTP/1.1 101 ');
    expect(statusesIn(client.text)).toEqual([200, 101]);
    expect(client.text.replaceAll(/[^x]/g, '').length).toBeGreaterThanOrEqual(4 * large.length);
  });

  it.each([
    ['for a foreign host', { host: 'evil.example' }, {}, [200, 403], 'forbidden_host'],
    ['from a foreign page', { origin: 'https://evil.example' }, {}, [200, 403], 'foreign_origin'],
    [
      'without the client token',
      {},
      { PROXY_CLIENT_TOKEN: 'made-up-token' },
      [200, 403],
      'wrong_client_token',
    ],
    ['of another version', { 'sec-websocket-version': '8' }, {}, [200, 426], 'bad_websocket_handshake'],
  ])('is refused in order when it is %s', async (_which, fields, env, statuses, code) => {
    await using pool = await TestPool.start({ env: { ...env } });
    using client = new RawSocket(pool.origin);
    await client.write(packet(healthz, upgrade(fields)));
    const text = await client.whole();
    expect(statusesIn(text)).toEqual(statuses);
    expect(text).toContain(code);
    expect(pool.fakeUpstream.handshakes()).toHaveLength(0);
  });

  it('does not open when the response before it closes the connection', async () => {
    await using pool = await TestPool.start();
    using client = new RawSocket(pool.origin);
    await client.write(packet(head('GET /healthz', { connection: 'close' }), upgrade()));
    expect(statusesIn(await client.whole())).toEqual([200]);
    expect(pool.fakeUpstream.handshakes()).toHaveLength(0);
  });

  it('ends the turn before it when its client leaves', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const upstream = controlled();
    pool.fakeUpstream.account('a').answers(upstream.response);
    using client = new RawSocket(pool.origin);
    await client.write(packet(post(), post(), upgrade()));
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 2, 'both turns');
    client.reset();
    await expect.poll(() => pool.fakeUpstream.inFlight(), { timeout: 1_000 }).toBe(0);
    await expect.poll(async () => (await pool.account('a')).inFlight).toBe(0);
  });

  it('does not delay shutdown beyond the drain time', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const upstream = controlled();
    pool.fakeUpstream.account('a').answers(upstream.response);
    using client = new RawSocket(pool.origin);
    await client.write(packet(post(), upgrade()));
    await upstream.started;
    expect(await pool.running.stop()).toBe(false);
    await client.whole();
  });
});
