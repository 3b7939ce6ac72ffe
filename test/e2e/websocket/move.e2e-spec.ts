import { describe, expect, it } from 'vitest';
import { refuses } from '../../../src/fake-upstream/script/responses.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { FaultyRelay } from '../../support/network/faulty-relay.js';
import { TestPool } from '../../support/pool/pool.js';
import { send } from '../../support/clients/raw-client.js';
import { jsonOf, typeOf } from '../../support/clients/socket-message.js';
import { SocketClient } from '../../support/clients/socket-client.js';

const fillFirst = { PROXY_POLICY: 'fill-first' };
const asksFor = { body: '{"model":"gpt-9","stream":true,"input":[]}' };

describe('a turn that moves on a WebSocket', () => {
  it('skips accounts that are not entitled to its model', async () => {
    await using pool = await TestPool.start({ accounts: ['a', 'b', 'c'], env: fillFirst });
    await pool.client.patch('/admin/accounts/a').send({ paused: true }).expect(200);
    pool.fakeUpstream.account('b').answers(refuses(400, { error: { code: 'model_not_supported' } }));
    expect((await send(pool, asksFor)).headers['x-codex-pool-account']).toBe('c');
    await pool.client.patch('/admin/accounts/a').send({ paused: false }).expect(200);
    await using client = await SocketClient.connect(pool.origin);
    pool.fakeUpstream.account('a').sockets.answers(usageLimit());
    const messages = await client.turn({ model: 'gpt-9' });
    expect(messages.map(typeOf).at(-1)).toBe('response.completed');
    expect(pool.fakeUpstream.handshakes().map((it) => it.account)).toEqual(['a', 'c']);
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'c']);
  });
});

describe('the sockets that a turn has left', () => {
  it('are closed, except the one that has served', async () => {
    await using pool = await TestPool.start({ accounts: ['a', 'b', 'c'], env: fillFirst });
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).sockets.answers(usageLimit());
    await using client = await SocketClient.connect(pool.origin);
    expect((await client.turn()).map(typeOf).at(-1)).toBe('response.completed');
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b', 'c']);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.sockets.open === 1, 'the end of two sockets');
    expect(pool.fakeUpstream.sockets.list.map((it) => it.isOpen)).toEqual([false, false, true]);
    expect((await client.turn()).map(typeOf).at(-1)).toBe('response.completed');
    expect(pool.fakeUpstream.sockets.list).toHaveLength(3);
  });

  it('are closed when no account is left; the session keeps its own', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    for (const name of ['a', 'b']) pool.fakeUpstream.account(name).sockets.answers(usageLimit());
    await using client = await SocketClient.connect(pool.origin);
    expect((await client.turn()).map(typeOf)).toEqual(['error']);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.sockets.open === 1, 'the end of a socket');
    expect(pool.fakeUpstream.sockets.list.map((it) => it.isOpen)).toEqual([true, false]);
    expect(client.end).toBeNull();
  });

  it('a refusal of another socket reaches the client as a message', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    pool.fakeUpstream.account('a').sockets.answers(usageLimit());
    const refusal = { error: { code: 'made_up', message: 'made-up' } };
    pool.fakeUpstream.account('b').sockets.handshakesAlways(refuses(422, refusal));
    await using client = await SocketClient.connect(pool.origin);
    const [message] = await client.turn();
    expect(jsonOf(message)).toMatchObject({ type: 'error', status: 422, ...refusal });
    expect(client.end).toBeNull();
  });

  it('a refusal of another socket reaches the client without a Retry-After of more than a minute', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    await using client = await SocketClient.connect(pool.origin);
    expect((await client.turn()).map(typeOf).at(-1)).toBe('response.completed');
    const refusal = { error: { code: 'forbidden', message: 'made-up' } };
    for (const name of ['a', 'b'])
      pool.fakeUpstream
        .account(name)
        .sockets.handshakesAlways(refuses(403, refusal, { 'retry-after': '3600' }));
    pool.fakeUpstream.account('a').sockets.answers(usageLimit());
    const [message] = await client.turn();
    expect(jsonOf(message)).toMatchObject({ type: 'error' });
    expect(message?.bytes.toString()).not.toMatch(/"retry-after":\s*"?3600/i);
  });

  it('a refusal of WebSockets ends the client’s own, so that its next handshake gets 426', async () => {
    await using pool = await TestPool.start({ env: fillFirst });
    pool.fakeUpstream.account('a').sockets.answers(usageLimit());
    pool.fakeUpstream.account('b').sockets.handshakesAlways(refuses(426, { detail: 'made-up' }));
    await using client = await SocketClient.connect(pool.origin);
    expect(await client.turn()).toEqual([]);
    expect(await client.closed).toMatchObject({ code: 1012 });
    expect(await SocketClient.refused(pool.origin, { session: client.session })).toMatchObject({
      status: 426,
    });
  });
});

describe('a kept connection that is dead', () => {
  it('does not count against the budget of a WebSocket handshake', async () => {
    await using relay = await FaultyRelay.start();
    await using pool = await TestPool.start({
      accounts: ['a'],
      env: { ...relay.env, PROXY_MAX_ATTEMPTS: '1' },
      prepare: (fakeUpstream) => relay.leadTo(fakeUpstream.origin),
    });
    expect((await send(pool)).status).toBe(200);
    expect(relay.age()).toBe(1);
    await using client = await SocketClient.connect(pool.origin);
    expect((await client.turn()).map(typeOf).at(-1)).toBe('response.completed');
    expect(pool.fakeUpstream.handshakes()).toHaveLength(1);
  });
});
