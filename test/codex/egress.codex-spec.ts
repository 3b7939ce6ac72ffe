import { expect, it } from 'vitest';
import { SocksProxy } from '../support/network/socks-proxy.js';
import { Setting, type SettingOptions } from './support/setting.js';

/** The settings of a proxy that reaches upstream, which is loopback by another name, only through this SOCKS proxy. */
function behind(socks: SocksProxy): Required<Pick<SettingOptions, 'prepare' | 'proxyEnv'>> {
  const proxyEnv: Record<string, string> = { ALL_PROXY: socks.url };
  return {
    proxyEnv,
    prepare: (fakeUpstream) => {
      socks.leadTo(fakeUpstream.origin);
      for (const [name, url] of Object.entries(fakeUpstream.env))
        proxyEnv[name] = url.replace(/127\.0\.0\.1:\d+/, 'upstream.test');
    },
  };
}

it.each([
  ['over HTTP', 0, {}],
  ['over a WebSocket', 1, { provider: { supportsWebsockets: true } }],
])('serves a turn %s through a SOCKS proxy with a password', async (_case, socketTurns, options) => {
  await using socks = await SocksProxy.start('socks5h', true);
  await using setting = await Setting.start({ ...options, ...behind(socks) });
  const run = await setting.exec('--skip-git-repo-check', 'say hello');
  expect(run).toMatchObject({ code: 0, stdout: expect.stringMatching(/^served by [ab]\n$/) });
  expect(new Set(socks.asked)).toEqual(new Set(['upstream.test:80']));
  expect(setting.fakeUpstream.turns()).toHaveLength(1 - socketTurns);
  const { sockets } = setting.fakeUpstream;
  expect(sockets.turns().filter((it) => !it.isPrewarm)).toHaveLength(socketTurns);
});
