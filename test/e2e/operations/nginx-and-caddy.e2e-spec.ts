import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { completed, created, delta } from '../../../src/fake-upstream/script/turn-events.js';
import { call, send, turnWith } from '../../support/clients/raw-http.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { typeOf } from '../../support/clients/socket-message.js';
import {
  inFrontOf,
  nginxLines,
  PUBLIC_NAME,
  type ReverseProxy,
  reverseProxies,
} from '../../support/operations/reverse-proxies.js';
import { isInstalled } from '../../support/operations/real-programs.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';

const ADMIN_TOKEN = 'made-up-admin-token';
const CLIENT_TOKEN = 'made-up-client-token';
const env = {
  PROXY_ADMIN_TOKEN: ADMIN_TOKEN,
  PROXY_CLIENT_TOKEN: CLIENT_TOKEN,
  PROXY_ALLOWED_HOSTS: PUBLIC_NAME,
};
/** Larger than the buffers that reverse proxies have by default. */
const LONG_HEADER = 'x'.repeat(12_000);
const LARGE = 3 * 1_024 * 1_024;

/** A pool with both tokens, behind a reverse proxy, and the header fields of its client. */
async function worldBehind(proxy: ReverseProxy) {
  const pool = await TestPool.start({ accounts: ['a'], env });
  const front = await inFrontOf(proxy, pool.port);
  const host = `${PUBLIC_NAME}:${front.port}`;
  return {
    pool,
    front,
    headers: { host, authorization: `Bearer ${CLIENT_TOKEN}` },
    admin: async (path: string, token: string) =>
      await call(front.origin, { path, headers: { host, authorization: `Bearer ${token}` } }),
    [Symbol.asyncDispose]: async () => {
      await front[Symbol.asyncDispose]();
      await pool[Symbol.asyncDispose]();
    },
  };
}

for (const proxy of reverseProxies) {
  describe.runIf(isInstalled(proxy.program))(`behind ${proxy.program}, as docs/operations.md says`, () => {
    it('a stream arrives piece by piece, with long header fields', async () => {
      await using world = await worldBehind(proxy);
      const turn = controlled({ 'x-codex-made-up': LONG_HEADER });
      world.pool.fakeUpstream.account('a').answers(turn.response);
      const body = JSON.stringify(aTurn());
      const exchange = send(
        world.front.origin,
        turnWith(body, { ...world.headers, 'x-codex-turn-metadata': LONG_HEADER }),
      );
      await turn.started;
      turn.send(created());
      for (const word of ['first', 'second', 'third']) {
        turn.send(delta(word));
        await exchange.untilText(word); // before the next one is sent
      }
      turn.send(completed());
      turn.end();
      const { status, isBroken, headers } = await exchange.whole();
      expect({ status, isBroken }).toEqual({ status: 200, isBroken: false });
      expect(headers['x-codex-pool-account']).toBe('a');
      expect(world.pool.fakeUpstream.turns()[0]?.headers['x-codex-turn-metadata']).toBe(LONG_HEADER);
    });

    it('a client that leaves ends the request to upstream', async () => {
      await using world = await worldBehind(proxy);
      const turn = controlled();
      world.pool.fakeUpstream.account('a').answers(turn.response);
      const exchange = send(world.front.origin, turnWith(JSON.stringify(aTurn()), world.headers));
      await turn.started;
      turn.send(created(), delta('first'));
      await exchange.untilText('first');
      exchange.leave();
      await world.pool.fakeUpstream.until((log) => log.some((it) => it.closedEarly), 'its end', 3_000);
      expect(world.pool.fakeUpstream.turns()).toHaveLength(1);
    });

    it('a WebSocket carries turns', async () => {
      await using world = await worldBehind(proxy);
      await using client = await SocketClient.connect(world.front.origin, { headers: world.headers });
      for (let turn = 0; turn < 2; turn += 1) {
        expect((await client.turn()).map(typeOf).at(-1)).toBe('response.completed');
      }
    });

    it('a large body passes', async () => {
      await using world = await worldBehind(proxy);
      const content = 'x'.repeat(LARGE);
      const body = JSON.stringify(aTurn({ input: [{ role: 'user', content }] }));
      expect((await call(world.front.origin, turnWith(body, world.headers))).status).toBe(200);
      expect(world.pool.fakeUpstream.turns()[0]?.body.length).toBe(body.length);
    });

    it('a session that is named in a field with an underscore keeps its account', async () => {
      await using world = await worldBehind(proxy);
      const named = { ...world.headers, session_id: randomUUID() };
      expect((await call(world.front.origin, turnWith(JSON.stringify(aTurn()), named))).status).toBe(200);
      const { body } = await world.admin('/admin/affinity', ADMIN_TOKEN);
      expect(JSON.parse(body.toString())).toHaveLength(1);
    });

    it('both tokens are required, and a foreign name is refused', async () => {
      await using world = await worldBehind(proxy);
      const turn = turnWith(JSON.stringify(aTurn()), { host: PUBLIC_NAME });
      expect((await call(world.front.origin, turn)).status).toBe(403);
      expect((await world.admin('/admin/accounts', 'wrong-token')).status).toBe(401);
      expect((await world.admin('/admin/accounts', ADMIN_TOKEN)).status).toBe(200);
      const foreign = await call(world.front.origin, { path: '/healthz', headers: { host: 'evil.example' } });
      expect(foreign.body.toString()).not.toContain('uptimeSeconds');
      expect(world.pool.fakeUpstream.turns()).toEqual([]);
    });
  });
}

describe('the lines for nginx in docs/operations.md', () => {
  it('wait longer than the program itself', () => {
    const minutes = [...nginxLines().matchAll(/proxy_(?:read|send)_timeout (\d+)m;/g)].map((it) =>
      Number(it[1]),
    );
    const longest = Math.max(limits.idleStreamMs, limits.idleSocketMs);
    expect(minutes.map((it) => it * 60_000 > longest)).toEqual([true, true]);
  });
});
