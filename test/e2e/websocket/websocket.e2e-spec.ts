import { describe, expect, it } from 'vitest';
import { streams } from '../../../src/fake-upstream/script/responses.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { TestPool } from '../../support/pool/pool.js';
import { type SocketMessage, typeOf } from '../../support/clients/socket-message.js';
import { SocketClient } from '../../support/clients/socket-client.js';

const types = (messages: readonly SocketMessage[]) => messages.map((it) => typeOf(it));

describe('turns over WebSocket', () => {
  it('go upstream and back on one account and are recorded', async () => {
    await using pool = await TestPool.start();
    await using client = await SocketClient.connect(pool.origin);
    const first = await client.turn();
    expect(types(first).at(-1)).toBe('response.completed');
    const second = await client.turn();
    expect(types(second).at(-1)).toBe('response.completed');
    const attempts = pool.fakeUpstream.sockets.attempts();
    expect(new Set(attempts).size).toBe(1);
    expect(pool.fakeUpstream.turns()).toEqual([]);
    const account = await pool.account(attempts[0] ?? '');
    expect(account).toMatchObject({ inFlight: 0, totals: { turns: 2 } });
  });

  it('stay on the socket of a client that names no session', async () => {
    await using pool = await TestPool.start({ env: { PROXY_POLICY: 'round-robin' } });
    const headers = { 'session-id': undefined, 'x-codex-turn-metadata': undefined };
    await using client = await SocketClient.connect(pool.origin, { headers });
    for (let turn = 0; turn < 3; turn += 1) {
      const got = await client.turn({ prompt_cache_key: undefined, client_metadata: undefined });
      expect(types(got).at(-1)).toBe('response.completed');
    }
    expect(pool.fakeUpstream.sockets.list).toHaveLength(1);
    expect(new Set(pool.fakeUpstream.sockets.attempts()).size).toBe(1);
  });

  it('fail over when the first account is at its limit at the handshake', async () => {
    await using pool = await TestPool.start({ env: { PROXY_POLICY: 'fill-first' } });
    pool.fakeUpstream.account('a').sockets.handshakes(usageLimit());
    await using client = await SocketClient.connect(pool.origin);
    expect(types(await client.turn()).at(-1)).toBe('response.completed');
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['b']);
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'quota-exhausted' });
  });

  it('continue a prewarm that another account has served', async () => {
    await using pool = await TestPool.start({ env: { PROXY_POLICY: 'fill-first' } });
    pool.fakeUpstream.account('a').sockets.prewarms(usageLimit());
    await using client = await SocketClient.connect(pool.origin);
    const [id] = /resp_\w+/.exec((await client.prewarm()).at(-1)?.bytes.toString() ?? '') ?? [];
    expect(id).toMatch(/^resp_/);
    expect(types(await client.turn({ previous_response_id: id })).at(-1)).toBe('response.completed');
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['b']);
  });

  it('fail over unnoticed when the first account reaches its limit in a turn', async () => {
    await using pool = await TestPool.start({ env: { PROXY_POLICY: 'fill-first' } });
    pool.fakeUpstream.account('a').sockets.answers(usageLimit(), streams());
    await using client = await SocketClient.connect(pool.origin);
    const messages = await client.turn();
    expect(types(messages)).not.toContain('error');
    expect(types(messages).at(-1)).toBe('response.completed');
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'b']);
    expect(await pool.account('a')).toMatchObject({
      available: false,
      reason: 'quota-exhausted',
      inFlight: 0,
    });
    expect(await pool.account('b')).toMatchObject({ inFlight: 0, totals: { turns: 1 } });
    expect(client.end).toBeNull();
  });

  it('close the socket so that the client resends everything, when a turn that is not self-contained is refused', async () => {
    await using pool = await TestPool.start({ env: { PROXY_POLICY: 'fill-first' } });
    await using client = await SocketClient.connect(pool.origin);
    const [last] = (await client.turn()).slice(-1);
    const id = /"id":"(resp_[^"]+)"/.exec(last?.bytes.toString() ?? '')?.[1];
    expect(id).toBeDefined();
    pool.fakeUpstream.account('a').sockets.answers(usageLimit());
    await client.turn({ previous_response_id: id });
    expect((await client.closed).code).toBe(1012);
    await using again = await SocketClient.connect(pool.origin, { session: client.session });
    expect(types(await again.turn()).at(-1)).toBe('response.completed');
    expect(pool.fakeUpstream.sockets.attempts()).toEqual(['a', 'a', 'b']);
  });
});
