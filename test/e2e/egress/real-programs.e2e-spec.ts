import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Child } from '../../codex/support/child.js';
import { DAY, FakeClock, SECOND } from '../../support/fake-clock.js';
import { freePort, accepts } from '../../support/network/ports.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { typeOf } from '../../support/clients/socket-message.js';

const user = 'made-up';
const password = 'password';

interface RealProxy {
  readonly program: string;
  readonly url: (port: number) => string;
  readonly start: (port: number, folder: string) => Promise<readonly string[]>;
}

/** Programs of Debian; a test runs if its program is installed. */
const proxies: Readonly<Record<string, RealProxy>> = {
  'microsocks, socks5': {
    program: 'microsocks',
    url: (port) => `socks5://127.0.0.1:${port}`,
    start: async (port) => ['-i', '127.0.0.1', '-p', String(port)],
  },
  'microsocks with a password, socks5h': {
    program: 'microsocks',
    url: (port) => `socks5h://${user}:${password}@127.0.0.1:${port}`,
    start: async (port) => ['-i', '127.0.0.1', '-p', String(port), '-u', user, '-P', password],
  },
  'tinyproxy, http': {
    program: 'tinyproxy',
    url: (port) => `http://127.0.0.1:${port}`,
    start: async (port, folder) => ['-d', '-c', await tinyproxyConfig(port, folder, '')],
  },
  'tinyproxy with a password, http': {
    program: 'tinyproxy',
    url: (port) => `http://${user}:${password}@127.0.0.1:${port}`,
    start: async (port, folder) => [
      '-d',
      '-c',
      await tinyproxyConfig(port, folder, `BasicAuth ${user} ${password}\n`),
    ],
  },
};

/** CI sets `TEST_REAL_PROXIES=required` and thereby fails where a program is missing. */
function isInstalled(program: string): boolean {
  if (process.env['TEST_REAL_PROXIES'] === 'required') return true;
  try {
    execFileSync('/bin/sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function tinyproxyConfig(port: number, folder: string, more: string): Promise<string> {
  const path = join(folder, 'tinyproxy.conf');
  await writeFile(path, `Port ${port}\nListen 127.0.0.1\nTimeout 60\nMaxClients 50\n${more}`);
  return path;
}

async function start({ program, start: argumentsFor }: RealProxy) {
  const folder = await mkdtemp(join(tmpdir(), 'codex-pool-egress-'));
  const port = await freePort();
  const child = new Child(program, await argumentsFor(port, folder), {
    env: { PATH: process.env['PATH'] ?? '' },
    cwd: folder,
  });
  const deadline = performance.now() + 5_000;
  while (!(await accepts(port))) {
    if (performance.now() > deadline) throw new Error(`${program} does not listen: ${child.outputTail}`);
    await pause(20);
  }
  return {
    port,
    [Symbol.asyncDispose]: async () => {
      await child.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

describe('a real proxy program', () => {
  for (const [name, proxy] of Object.entries(proxies)) {
    it.skipIf(!isInstalled(proxy.program))(
      `(${name}) carries turns, WebSockets, polls and refreshes`,
      async () => {
        await using running = await start(proxy);
        const clock = new FakeClock();
        // 0.0.0.0 is this machine, but not loopback by its name, so that the proxy is used.
        const env: Record<string, string> = { ALL_PROXY: proxy.url(running.port) };
        await using pool = await TestPool.start({
          accounts: ['a'],
          clock,
          env,
          prepare: (fakeUpstream) => {
            for (const [setting, url] of Object.entries(fakeUpstream.env))
              env[setting] = url.replace('127.0.0.1', '0.0.0.0');
          },
        });
        await polled(pool);
        await pool.turn().expect(200);
        await using socket = await SocketClient.connect(pool.origin);
        expect((await socket.turn()).map(typeOf)).toContain('response.completed');
        clock.advance(10 * DAY - 30 * SECOND);
        await pool.turn().expect(200);
        expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
      },
    );

    if (!proxy.url(1).includes('@')) continue;
    it.skipIf(!isInstalled(proxy.program))(
      `(${name}) that rejects the password is named as the cause`,
      async () => {
        await using running = await start(proxy);
        await using pool = await TestPool.start({
          accounts: ['a'],
          env: {
            UPSTREAM_RESPONSES_BASE: 'https://turns.upstream.test/backend-api/codex',
            ALL_PROXY: proxy.url(running.port).replace(password, 'made-up-wrong'),
          },
        });
        await pool.turn().expect(503);
        const { text } = await pool.client.get('/healthz').expect(200);
        expect(text).toContain('(EGRESS_LOGIN)');
        expect(text).not.toContain('made-up-wrong');
      },
    );
  }
});
