import { describe, expect, it } from 'vitest';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { SocksProxy } from '../../support/network/socks-proxy.js';
import { CA_FILE, TlsFront } from '../../support/network/tls-front.js';
import { aTurn } from '../../support/pool/pool.js';
import { call, turnWith } from '../../support/clients/raw-http.js';
import { Program } from '../../support/program/child-process.js';

describe('a program with an egress proxy and a private authority', { timeout: 30_000 }, () => {
  it('does not start with settings that it cannot use, and names them all without their values', async () => {
    await using program = await Program.spawn({
      env: {
        https_proxy: 'socks4://made-up-user:made-up-pass@127.0.0.1:1080',
        HTTP_PROXY: 'http://made-up-user:made-up#pass@127.0.0.1:1080',
        CODEX_CA_CERTIFICATE: '/nonexistent/ca.pem',
      },
    });
    expect(await program.child.ended).toEqual({ code: 1, signal: null });
    const { stdout, stderr } = program.child;
    for (const name of ['https_proxy', 'HTTP_PROXY', 'CODEX_CA_CERTIFICATE'])
      expect(stderr).toMatch(new RegExp(`^ {2}${name}: .*`, 'm'));
    expect(stderr + stdout).not.toContain('made-up');
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it('serves a turn through them, and prints the proxy without its password', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    await using front = await TlsFront.start(fakeUpstream.origin);
    await using socks = await SocksProxy.start('socks5h', true);
    socks.leadTo(`https://127.0.0.1:${front.port}`);
    const upstream = 'https://secure.upstream.test';
    await using program = await Program.spawn({
      fakeUpstream,
      accounts: ['a'],
      env: {
        PROXY_LISTEN_ADDR: '127.0.0.1:0',
        UPSTREAM_RESPONSES_BASE: `${upstream}/backend-api/codex`,
        UPSTREAM_WHAM_BASE: `${upstream}/backend-api`,
        UPSTREAM_REFRESH_BASE: upstream,
        NODE_EXTRA_CA_CERTS: CA_FILE,
      },
      // A file in the working directory may name a proxy, but no authority.
      dotEnv: `ALL_PROXY=${JSON.stringify(socks.url)}\n`,
    });
    const { status } = await call(await program.origin(), turnWith(JSON.stringify(aTurn())));
    expect(status).toBe(200);
    expect(program.child.stdout).toContain(`socks5h://127.0.0.1:${socks.port}`);
    expect(program.child.stdout + program.child.stderr).not.toContain('p%40ss');
  });
});
