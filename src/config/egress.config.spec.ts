import { describe, expect, it } from 'vitest';
import { describeProxy, egressProxyFor } from '../egress/egress-proxy.js';
import { InvalidConfigError, loadConfig } from './app.config.js';

const secure = new URL('https://chatgpt.com/backend-api/codex');
const plain = new URL('http://upstream.example/');

/** The proxy to an address as `scheme://host:port`, or null. */
function proxyTo(target: URL | string, env: Readonly<Record<string, string>>): string | null {
  const proxy = egressProxyFor(loadConfig(env).egress, new URL(target));
  return proxy === null ? null : describeProxy(proxy);
}

function faultsOf(env: Readonly<Record<string, string>>): string {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof InvalidConfigError) return error.message;
    throw error;
  }
  return '';
}

describe('the proxy variables', () => {
  it.each([
    ['http://proxy.example:3128', 'http://proxy.example:3128'],
    ['http://proxy.example:3128/', 'http://proxy.example:3128'],
    ['HTTP://Proxy.Example', 'http://proxy.example:80'],
    ['https://proxy.example', 'https://proxy.example:443'],
    ['socks5://10.0.0.1', 'socks5://10.0.0.1:1080'],
    ['socks5h://[fd00::1]:1081', 'socks5h://[fd00::1]:1081'],
    ['socks5://proxy.example:80', 'socks5://proxy.example:80'],
    ['127.0.0.1:3128', 'http://127.0.0.1:3128'],
    ['localhost:3128', 'http://localhost:3128'],
    ['proxy.example', 'http://proxy.example:80'],
    ['user:pass@proxy.example:3128', 'http://proxy.example:3128'],
    [' http://proxy.example:3128 ', 'http://proxy.example:3128'],
    ['http://@proxy.example:3128', 'http://proxy.example:3128'],
  ])('read %s as %s', (value, expected) => {
    expect(proxyTo(secure, { HTTPS_PROXY: value })).toBe(expected);
  });

  it.each(['socks5://us%20er:p%40ss%3A%2F%25@proxy.example', 'http://us%20er:p%40ss:%2F%25@proxy.example'])(
    'decode the user and the password in %s',
    (value) => {
      const login = loadConfig({ HTTPS_PROXY: value }).egress.https?.login;
      expect(login?.user).toBe('us er');
      expect(login?.password.reveal()).toBe('p@ss:/%');
      expect(JSON.stringify(login)).not.toContain('p@ss');
    },
  );

  it('HTTPS_PROXY is for https, HTTP_PROXY for http, ALL_PROXY for what has none', () => {
    const env = { HTTPS_PROXY: 'http://a', HTTP_PROXY: 'http://b', ALL_PROXY: 'http://c' };
    expect([proxyTo(secure, env), proxyTo(plain, env)]).toEqual(['http://a:80', 'http://b:80']);
    expect(proxyTo(secure, { ...env, HTTPS_PROXY: '' })).toBe('http://c:80');
    expect(proxyTo(plain, { all_proxy: 'http://c' })).toBe('http://c:80');
    expect(proxyTo(secure, { HTTP_PROXY: 'http://b' })).toBe(null);
    expect(proxyTo('wss://chatgpt.com/', env)).toBe('http://a:80');
  });

  it('in lower case come first, and an empty one counts as not set', () => {
    expect(proxyTo(secure, { HTTPS_PROXY: 'http://a', https_proxy: 'http://b' })).toBe('http://b:80');
    expect(proxyTo(secure, { HTTPS_PROXY: 'http://a', https_proxy: '' })).toBe('http://a:80');
    expect(proxyTo(secure, { HTTPS_PROXY: 'http://a', no_proxy: ' ', NO_PROXY: 'chatgpt.com' })).toBe(null);
  });

  it.each([
    'https://127.0.0.1',
    'https://127.8.9.1:444',
    'https://[::1]',
    'https://localhost:1',
    'http://a.localhost',
  ])('never apply to %s', (target) => {
    expect(proxyTo(target, { ALL_PROXY: 'socks5h://proxy.example' })).toBe(null);
  });

  it.each([
    ['socks://127.0.0.1:1080', /many such proxies also speak socks5/],
    ['socks4://127.0.0.1:1080', /socks4 is not supported/],
    ['SOCKS4a://127.0.0.1:1080', /socks4a is not supported/],
    ['ftp://secret@proxy.example', /scheme http, https, socks5, socks5h/],
    ['http://', /host is missing/],
    ['http://:3128', /host is missing/],
    ['socks5://', /host is missing/],
    ['socks5://secret:pw@', /host is missing/],
    ['http://proxy.example:0', /port from 1 to 65535/],
    ['http://proxy.example:65536', /port from 1 to 65535/],
    ['socks5://proxy.example:99999', /port from 1 to 65535/],
    ['http://proxy.example:80a', /port from 1 to 65535/],
    ['http://[::1', /host is missing or unreadable/],
    ['http://[secret]:1', /host is unreadable/],
    ['http://pro xy:1', /host is unreadable/],
    ['http://user:secret#1@proxy.example:3128', /percent-encoded/],
    ['http://user:secret/1@proxy.example:3128', /percent-encoded/],
    ['http://user:12#secret@proxy.example:3128', /nothing after the port/],
    ['http://user:100%secret@proxy.example:3128', /user or the password is unreadable/],
    ['http://us%3Aer:secret@proxy.example:3128', /without a colon/],
    ['socks5://user@proxy.example', /1 to 255 bytes/],
    [`socks5h://user:${'secret'.repeat(50)}@proxy.example`, /1 to 255 bytes/],
    ['http://wpad.example/wpad.dat', /PAC file is not supported/],
  ])('refuse %s by name and without its value', (value, expected) => {
    for (const name of ['HTTPS_PROXY', 'http_proxy', 'ALL_PROXY']) {
      const faults = faultsOf({ [name]: value });
      expect(faults).toMatch(new RegExp(`^ {2}${name}: `, 'm'));
      expect(faults).toMatch(expected);
      expect(faults.split('\n')).toHaveLength(2);
      expect(faults).not.toContain('secret');
    }
  });

  it('that have no effect are not judged: desktops set ALL_PROXY=socks:// beside the others', () => {
    const env = { HTTPS_PROXY: 'http://a', HTTP_PROXY: 'http://b', ALL_PROXY: 'socks://127.0.0.1:1080/' };
    expect(proxyTo(secure, env)).toBe('http://a:80');
  });

  it('are reported together with the other faults', () => {
    const faults = faultsOf({ HTTPS_PROXY: 'ftp://a', HTTP_PROXY: 'http://', PROXY_MAX_ATTEMPTS: 'many' });
    for (const name of ['HTTPS_PROXY', 'HTTP_PROXY', 'PROXY_MAX_ATTEMPTS'])
      expect(faults).toMatch(new RegExp(`^ {2}${name}: `, 'm'));
  });
});
