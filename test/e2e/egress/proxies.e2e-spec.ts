import { describe, expect, it, vi } from 'vitest';
import { EgressProxy } from '../../support/network/egress-proxy.js';
import { MADE_UP_ADDRESS, resolveMadeUpNames } from '../../support/network/made-up-names.js';
import { SocksProxy } from '../../support/network/socks-proxy.js';
import { CA_FILE, TlsFront } from '../../support/network/tls-front.js';
import { DAY, FakeClock, SECOND } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { arrival, begin, stateOf } from '../../support/pool/logging-in.js';
import { TestPool } from '../../support/pool/pool.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { typeOf } from '../../support/clients/socket-message.js';

type TestProxy = EgressProxy | SocksProxy;

const proxies: Readonly<Record<string, () => Promise<TestProxy>>> = {
  http: async () => await EgressProxy.start(),
  'http with a password': async () => await EgressProxy.start('http', true),
  https: async () => await EgressProxy.start('https'),
  'https with a password': async () => await EgressProxy.start('https', true),
  socks5: async () => await SocksProxy.start('socks5'),
  'socks5 with a password': async () => await SocksProxy.start('socks5', true),
  socks5h: async () => await SocksProxy.start('socks5h'),
  'socks5h with a password': async () => await SocksProxy.start('socks5h', true),
};
const names = { turns: 'turns.upstream.test', polls: 'polls.upstream.test', tokens: 'tokens.upstream.test' };

/** The settings that make upstream a secure address with made-up names, only reachable through a proxy. */
const secureNames = {
  UPSTREAM_RESPONSES_BASE: `https://${names.turns}/backend-api/codex`,
  UPSTREAM_WHAM_BASE: `https://${names.polls}/backend-api`,
  UPSTREAM_REFRESH_BASE: `https://${names.tokens}`,
  CODEX_CA_CERTIFICATE: CA_FILE,
};
const tokenExpiresSoon = 10 * DAY - 30 * SECOND;

/** A pool whose upstream can only be reached through this proxy, over TLS. */
async function startBehind(proxy: TestProxy, clock: FakeClock, env: Readonly<Record<string, string>>) {
  const stack = new AsyncDisposableStack();
  const prepare = async ({ origin }: { readonly origin: string }) => {
    const front = stack.use(await TlsFront.start(origin));
    proxy.leadTo(`https://127.0.0.1:${front.port}`);
  };
  const pool = stack.use(
    await TestPool.start({
      accounts: ['a'],
      clock,
      loginPorts: [0],
      prepare,
      env: { ...secureNames, ...env },
    }),
  );
  return { pool, [Symbol.asyncDispose]: async () => await stack.disposeAsync() };
}

describe('an egress proxy', () => {
  it.each(Object.entries(proxies))(
    'of the kind "%s" carries polls, turns, WebSockets, refreshes and logins',
    async (kind, start) => {
      using _names = resolveMadeUpNames();
      await using proxy = await start();
      const clock = new FakeClock();
      await using behind = await startBehind(proxy, clock, { ALL_PROXY: proxy.url });
      const { pool } = behind;
      await polled(pool);
      await pool.turn().expect(200);
      await using socket = await SocketClient.connect(pool.origin);
      const turn = await socket.turn();
      expect(turn.map(typeOf)).toContain('response.completed');
      clock.advance(tokenExpiresSoon);
      await pool.turn().expect(200);
      expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
      pool.fakeUpstream.addAccount({ name: 'new' });
      const login = await begin(pool, 'browser', { name: 'work' });
      await arrival(pool.fakeUpstream.authorization.allow(login.url, 'new'));
      expect(await stateOf(pool, login.id)).toMatchObject({ state: 'succeeded', account: 'work' });
      await begin(pool, 'device');
      const resolvesHere = kind.startsWith('socks5') && !kind.startsWith('socks5h');
      const expected = resolvesHere ? [MADE_UP_ADDRESS] : Object.values(names);
      await vi.waitFor(() =>
        expect(new Set(proxy.asked)).toEqual(new Set(expected.map((it) => `${it}:443`))),
      );
      expect(JSON.stringify(pool.logger.lines)).not.toContain('p@ss');
    },
  );
});
