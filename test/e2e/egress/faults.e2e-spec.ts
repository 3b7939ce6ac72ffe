import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tunnelLimits } from '../../../src/egress/tunnel.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { FakeClock } from '../../support/fake-clock.js';
import { BrokenProxy, type Misbehaviour } from '../../support/network/broken-proxy.js';
import { ALMOST } from '../../support/pool/held-refresh.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';

/** Replies as bytes of SOCKS5. */
const socks = (...bytes: number[]) => Buffer.from([5, ...bytes]);
const closesAtOnce: Misbehaviour = { onConnection: (socket) => socket.end() };
const says = (...replies: (string | Buffer)[]): Misbehaviour => ({ replies });
const saysAndCloses = (...replies: (string | Buffer)[]): Misbehaviour => ({
  replies,
  end: (socket) => socket.end(),
});
const badRequest = saysAndCloses('HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n');

interface Fault {
  readonly scheme: 'http' | 'https' | 'socks5h';
  readonly how: Misbehaviour | 'is down';
  /** Whether the proxy has a trusted certificate and speaks TLS. */
  readonly code: string;
  readonly cause: RegExp;
}

const faults: Readonly<Record<string, Fault>> = {
  'an http proxy that is down': {
    scheme: 'http',
    how: 'is down',
    code: 'EGRESS_UNREACHABLE',
    cause: /cannot be reached: .*ECONNREFUSED/,
  },
  'a socks proxy that is down': {
    scheme: 'socks5h',
    how: 'is down',
    code: 'EGRESS_UNREACHABLE',
    cause: /cannot be reached: .*ECONNREFUSED/,
  },
  'an http proxy that asks for a password': {
    scheme: 'http',
    how: saysAndCloses('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n'),
    code: 'EGRESS_LOGIN',
    cause: /rejects the user or the password \(status 407\)/,
  },
  'an http proxy that rejects the password with 401': {
    scheme: 'http',
    how: saysAndCloses('HTTP/1.1 401 Unauthorized\r\n\r\n'),
    code: 'EGRESS_LOGIN',
    cause: /rejects the user or the password \(status 401\)/,
  },
  'a socks proxy that takes no password': {
    scheme: 'socks5h',
    how: saysAndCloses(socks(0xff)),
    code: 'EGRESS_LOGIN',
    cause: /accepts no login by user and password/,
  },
  'a socks proxy that rejects the password': {
    scheme: 'socks5h',
    how: saysAndCloses(socks(2), Buffer.from([1, 1])),
    code: 'EGRESS_LOGIN',
    cause: /rejects the user or the password/,
  },
  'an http proxy whose rules forbid it': {
    scheme: 'http',
    how: saysAndCloses('HTTP/1.1 403 Forbidden\r\ncontent-type: text/html\r\n\r\n<h1>no</h1>'),
    code: 'EGRESS_REFUSED',
    cause: /refuses a tunnel with status 403/,
  },
  'an http proxy that cannot reach upstream': {
    scheme: 'http',
    how: says('HTTP/1.0 502 Bad Gateway\r\n\r\n'),
    code: 'EGRESS_REFUSED',
    cause: /refuses a tunnel with status 502/,
  },
  'an http proxy that redirects to its login page': {
    scheme: 'http',
    how: says('HTTP/1.1 302 Found\r\nlocation: http://hotel.example/\r\n\r\n'),
    code: 'EGRESS_REFUSED',
    cause: /refuses a tunnel with status 302/,
  },
  'a socks proxy whose rules forbid it': {
    scheme: 'socks5h',
    how: says(socks(0), socks(2, 0, 1, 0, 0, 0, 0, 0, 0)),
    code: 'EGRESS_REFUSED',
    cause: /refuses a tunnel because of its rules/,
  },
  'a socks proxy that cannot reach upstream': {
    scheme: 'socks5h',
    how: saysAndCloses(socks(0), socks(4)),
    code: 'EGRESS_REFUSED',
    cause: /refuses a tunnel because the host is unreachable/,
  },
  'an http proxy that hangs': {
    scheme: 'http',
    how: says(),
    code: 'EGRESS_TIMEOUT',
    cause: /does not open a tunnel within/,
  },
  'an https proxy that hangs before TLS': {
    scheme: 'https',
    how: says(),
    code: 'EGRESS_TIMEOUT',
    cause: /does not open a tunnel within/,
  },
  'a socks proxy that hangs in its reply': {
    scheme: 'socks5h',
    how: says(socks(0), socks(0, 0, 1, 127)),
    code: 'EGRESS_TIMEOUT',
    cause: /does not open a tunnel within/,
  },
  'a socks proxy that hangs after half a reply': {
    scheme: 'socks5h',
    how: says(Buffer.from([5])),
    code: 'EGRESS_TIMEOUT',
    cause: /does not open a tunnel within/,
  },
  'an http proxy that hangs after two bytes': {
    scheme: 'http',
    how: says('HT'),
    code: 'EGRESS_TIMEOUT',
    cause: /does not open a tunnel within/,
  },
  'an http proxy that hangs in its head': {
    scheme: 'http',
    how: says('HTTP/1.1 200 OK\r\n'),
    code: 'EGRESS_TIMEOUT',
    cause: /does not open a tunnel within/,
  },
  'an http proxy that closes at once': {
    scheme: 'http',
    how: closesAtOnce,
    code: 'EGRESS_PROTOCOL',
    cause: /hangs up before the tunnel is open/,
  },
  'an http proxy that resets in its reply': {
    scheme: 'http',
    how: { replies: ['HTTP/1.1 2'], end: (socket) => socket.resetAndDestroy() },
    code: 'EGRESS_PROTOCOL',
    cause: /fails: .*ECONNRESET|hangs up/,
  },
  'a socks proxy that closes in its reply': {
    scheme: 'socks5h',
    how: saysAndCloses(socks(0)),
    code: 'EGRESS_PROTOCOL',
    cause: /hangs up before the tunnel is open/,
  },
  'a socks proxy that closes at once': {
    scheme: 'socks5h',
    how: closesAtOnce,
    code: 'EGRESS_PROTOCOL',
    cause: /hangs up before the tunnel is open/,
  },
  'an http proxy in place of a socks proxy': {
    scheme: 'socks5h',
    how: badRequest,
    code: 'EGRESS_PROTOCOL',
    cause: /does not speak SOCKS5/,
  },
  'a socks proxy in place of an http proxy': {
    scheme: 'http',
    how: saysAndCloses(socks(0xff)),
    code: 'EGRESS_PROTOCOL',
    cause: /does not speak HTTP|hangs up/,
  },
  'an http proxy with an endless head': {
    scheme: 'http',
    how: says(`HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(4_000)}`),
    code: 'EGRESS_PROTOCOL',
    cause: /does not speak HTTP/,
  },
  'a socks4 proxy': {
    scheme: 'socks5h',
    how: saysAndCloses(Buffer.from([0, 0x5b])),
    code: 'EGRESS_PROTOCOL',
    cause: /does not speak SOCKS5/,
  },
  'a socks proxy with a made-up method': {
    scheme: 'socks5h',
    how: saysAndCloses(socks(7)),
    code: 'EGRESS_PROTOCOL',
    cause: /does not speak SOCKS5/,
  },
  'an http proxy in place of an https proxy': {
    scheme: 'https',
    how: badRequest,
    code: 'EGRESS_TLS',
    cause: /does not complete TLS/,
  },
  'an https proxy that closes at once': {
    scheme: 'https',
    how: closesAtOnce,
    code: 'EGRESS_TLS',
    cause: /does not complete TLS/,
  },
};

async function brokenBy({ how }: Fault): Promise<{ port: number } & AsyncDisposable> {
  const proxy = await BrokenProxy.start(how === 'is down' ? {} : how);
  const { port } = proxy;
  if (how === 'is down') await proxy[Symbol.asyncDispose]();
  return {
    port,
    [Symbol.asyncDispose]: async () => await proxy[Symbol.asyncDispose]().catch(() => undefined),
  };
}

describe('a fault of the egress proxy', () => {
  const { openMs } = tunnelLimits;
  beforeAll(() => void Object.assign(tunnelLimits, { openMs: 300 }));
  afterAll(() => void Object.assign(tunnelLimits, { openMs }));

  it.each(Object.entries(faults))(
    '(%s) is the network’s: it is named, and no account is blamed',
    async (_name, fault) => {
      await using proxy = await brokenBy(fault);
      const address = `${fault.scheme}://127.0.0.1:${proxy.port}`;
      await using pool = await TestPool.start({
        accounts: ['a'],
        env: {
          UPSTREAM_RESPONSES_BASE: 'https://turns.upstream.test/backend-api/codex',
          HTTPS_PROXY: `${fault.scheme}://made-up-user:made-up-pass@127.0.0.1:${proxy.port}`,
        },
      });
      const turn = await pool.turn().expect(503);
      expect(turn.headers['x-codex-pool-error']).toBe('upstream_unreachable');
      const health = await pool.client.get('/healthz').expect(200);
      expect(health.body).toMatchObject({
        status: 'degraded',
        details: {
          upstream: { trouble: expect.stringContaining(`(${fault.code}): the egress proxy ${address} `) },
        },
      });
      expect(health.text).toMatch(fault.cause);
      const socket = await SocketClient.refused(pool.origin);
      expect(socket.status).toBe(503);
      expect(await pool.account('a')).toMatchObject({ available: true, reason: null });
      const shown = [turn.text, health.text, socket.text, ...pool.logger.lines].join('\n');
      expect(shown).not.toContain('made-up-pass');
      expect(shown).not.toContain('made-up-user');
    },
  );

  it.each(Object.entries(faults))('(%s) leaves the refresh token unsent', async (_name, fault) => {
    await using proxy = await brokenBy(fault);
    const clock = new FakeClock();
    await using pool = await TestPool.start({
      accounts: ['a'],
      clock,
      env: {
        UPSTREAM_REFRESH_BASE: 'https://tokens.upstream.test',
        HTTPS_PROXY: `${fault.scheme}://made-up-user:made-up-pass@127.0.0.1:${proxy.port}`,
      },
    });
    await polled(pool);
    clock.advance(ALMOST);
    await pool.turn().expect(200);
    expect(await pool.account('a')).toMatchObject({ available: true, refresh: 'waiting' });
    expect(pool.logger.lines.join('\n')).toMatch(fault.cause);
    expect(pool.logger.lines.join('\n')).not.toContain('made-up-pass');
  });
});
