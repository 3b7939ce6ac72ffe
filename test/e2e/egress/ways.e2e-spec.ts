import { describe, expect, it } from 'vitest';
import { openTunnel } from '../../../src/egress/tunnel.js';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { DAY, FakeClock, SECOND } from '../../support/fake-clock.js';
import { EgressProxy } from '../../support/network/egress-proxy.js';
import { SocksProxy } from '../../support/network/socks-proxy.js';
import { CA_FILE } from '../../support/network/tls-front.js';
import { TokenWire } from '../../support/network/token-wire.js';
import { polled } from '../../support/pool/first-poll.js';
import { ALMOST, LONG_SECONDS } from '../../support/pool/held-refresh.js';
import { TestPool } from '../../support/pool/pool.js';

const tokenExpiresSoon = 10 * DAY - 30 * SECOND;

describe('an egress proxy', () => {
  it.each([
    ['loopback', '127.0.0.1', '', false],
    ['hosts in NO_PROXY', '0.0.0.0', '0.0.0.0', false],
    ['subnets in NO_PROXY', '0.0.0.0', '0.0.0.0/8', false],
    ['every host, with *', '0.0.0.0', '*', false],
    ['anything else', '0.0.0.0', '10.0.0.0/8', true],
  ])('is used or bypassed for %s: %s with NO_PROXY=%s', async (_what, host, noProxy, isUsed) => {
    await using proxy = await SocksProxy.start('socks5');
    const clock = new FakeClock();
    const env: Record<string, string> = { ALL_PROXY: proxy.url, NO_PROXY: noProxy };
    await using pool = await TestPool.start({
      accounts: ['a'],
      clock,
      env,
      prepare: (fakeUpstream) => {
        proxy.leadTo(fakeUpstream.origin);
        for (const [name, url] of Object.entries(fakeUpstream.env))
          env[name] = url.replace('127.0.0.1', host);
      },
    });
    await polled(pool);
    clock.advance(tokenExpiresSoon);
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
    // All connections take the same way: those of polls, turns and refreshes.
    const port = new URL(pool.fakeUpstream.origin).port;
    expect(new Set(proxy.asked)).toEqual(new Set(isUsed ? [`${host}:${port}`] : []));
  });
});

describe('a tunnel', () => {
  it.each(['http', 'socks5'] as const)(
    'through a proxy (%s) is used again for the next turn',
    async (scheme) => {
      await using proxy = scheme === 'http' ? await EgressProxy.start() : await SocksProxy.start('socks5');
      const env: Record<string, string> = { ALL_PROXY: proxy.url };
      await using pool = await TestPool.start({
        accounts: ['a'],
        env,
        prepare: ({ origin }) => {
          proxy.leadTo(origin);
          env['UPSTREAM_RESPONSES_BASE'] = `${origin.replace('127.0.0.1', '0.0.0.0')}/backend-api/codex`;
        },
      });
      for (let i = 0; i < 3; i += 1) await pool.turn().expect(200);
      expect(proxy.asked).toHaveLength(1);
    },
  );
});

describe('a SOCKS5 request', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8::7', '20010db8000000000000000000000007'],
    ['::1', '00000000000000000000000000000001'],
    ['1::', '00010000000000000000000000000000'],
    ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['::ffff:192.0.2.7', '00000000000000000000ffffc0000207'],
    ['upstream.test', 'upstream.test'],
    ['x'.repeat(255), 'x'.repeat(255)],
  ])('names the target %s', async (host, expected) => {
    await using target = await FakeUpstream.start();
    await using socks = await SocksProxy.start('socks5h');
    socks.leadTo(target.origin);
    const proxy = { scheme: 'socks5h', host: '127.0.0.1', port: socks.port, login: null } as const;
    const tunnel = await openTunnel(proxy, { host, port: 44_321 });
    tunnel.destroy();
    expect(socks.asked).toEqual([`${expected}:44321`]);
  });

  it('with a longer name is not sent', async () => {
    await using socks = await SocksProxy.start('socks5h');
    const proxy = { scheme: 'socks5h', host: '127.0.0.1', port: socks.port, login: null } as const;
    await expect(openTunnel(proxy, { host: 'x'.repeat(256), port: 443 })).rejects.toMatchObject({
      code: 'EGRESS_REFUSED',
    });
    expect(socks.asked).toEqual([]);
  });
});

describe('a refresh through an egress proxy', () => {
  const proxies = {
    http: async () => await EgressProxy.start('http', true),
    https: async () => await EgressProxy.start('https'),
    socks5h: async () => await SocksProxy.start('socks5h', true),
  };

  it.each(Object.entries(proxies))(
    '(%s) whose response is lost after it was sent is in doubt, and is not sent again',
    async (_kind, start) => {
      await using proxy = await start();
      const clock = new FakeClock();
      let wire: TokenWire | null = null;
      await using stack = new AsyncDisposableStack();
      await using pool = await TestPool.start({
        accounts: ['a'],
        clock,
        prepare: async (fakeUpstream) => {
          fakeUpstream.tokens.lifetimeSeconds = LONG_SECONDS;
          wire = stack.use(await TokenWire.start(fakeUpstream.origin));
          proxy.leadTo(wire.origin);
        },
        env: {
          UPSTREAM_REFRESH_BASE: 'http://tokens.upstream.test',
          HTTP_PROXY: proxy.url,
          CODEX_CA_CERTIFICATE: CA_FILE,
        },
      });
      await polled(pool);
      clock.advance(ALMOST);
      const broken = connected(wire).breaks('is reset after tokens are issued, before the response');
      await pool.turn().expect(200);
      await broken;
      await pool.turn().expect(200);
      expect(await pool.account('a')).toMatchObject({ available: true, refresh: 'in-doubt' });
      expect(connected(wire).connections).toBe(1);
      expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
    },
  );
});

function connected(wire: TokenWire | null): TokenWire {
  if (wire === null) throw new Error('there is no wire');
  return wire;
}
