import { describe, expect, it } from 'vitest';
import { isLoopbackName, isLoopbackPeer } from '../runtime/loopback.js';
import { hostName, whyRefused } from './request-guard.js';

const own = { host: '127.0.0.1:8989' };
const codeFor = (headers: Readonly<Record<string, string>>, method = 'GET', path = '/v1/models') =>
  whyRefused({ method, path, headers }, ['proxy.lan'])?.code ?? null;

describe('admission of a request', () => {
  it.each([
    ['127.0.0.1:8989', null],
    ['127.9.9.9', null],
    ['localhost:1', null],
    ['LocalHost', null],
    ['codex.localhost:8989', null],
    ['[::1]:8989', null],
    ['[::1]', null],
    ['proxy.lan', null],
    ['PROXY.lan:443', null],
    ['', 'forbidden_host'],
    ['evil.example', 'forbidden_host'],
    ['127.0.0.1.evil.example', 'forbidden_host'],
    ['localhost.evil.example', 'forbidden_host'],
    ['evil-localhost', 'forbidden_host'],
    ['x.proxy.lan', 'forbidden_host'],
    ['0.0.0.0:8989', 'forbidden_host'],
    ['10.0.0.1', 'forbidden_host'],
    ['[::]:8989', 'forbidden_host'],
    ['[fe80::1]:8989', 'forbidden_host'],
    ['127.0.0.1:8989@evil.example', 'forbidden_host'],
    ['127.0.0.1, evil.example', 'forbidden_host'],
    ['127.0.0.1:x', 'forbidden_host'],
  ])('host %j: %s', (host, code) => {
    expect(codeFor({ host })).toBe(code);
  });

  it('no request without a host', () => {
    expect(codeFor({})).toBe('forbidden_host');
  });

  it.each([
    ['GET', '/healthz', '1.0', '127.0.0.1', null],
    ['GET', '/readyz', '1.0', '::1', null],
    ['HEAD', '/healthz', '1.0', '::ffff:127.0.0.1', null],
    ['GET', '/healthz', '1.0', '10.0.0.7', 'forbidden_host'],
    ['GET', '/healthz', '1.0', '::ffff:10.0.0.7', 'forbidden_host'],
    ['GET', '/healthz', '1.0', undefined, 'forbidden_host'],
    ['POST', '/healthz', '1.0', '127.0.0.1', 'forbidden_host'],
    ['GET', '/healthz/', '1.0', '127.0.0.1', 'forbidden_host'],
    ['GET', '/metrics', '1.0', '127.0.0.1', 'forbidden_host'],
    ['GET', '/admin/accounts', '1.0', '127.0.0.1', 'forbidden_host'],
    ['POST', '/v1/responses', '1.0', '127.0.0.1', 'forbidden_host'],
    ['GET', '/healthz', '1.1', '127.0.0.1', 'missing_host'],
  ])('%s %s by HTTP/%s from %s without a host: %s', (method, path, httpVersion, peer, code) => {
    const refusal = whyRefused({ method, path, httpVersion, peer, headers: {} }, []);
    expect(refusal?.code ?? null).toBe(code);
  });

  it('a health check without a host, but not one of a page or for another host', () => {
    const check = { method: 'GET', path: '/healthz', httpVersion: '1.0', peer: '127.0.0.1' };
    const refusals = [{ origin: 'null' }, { host: 'evil.example' }, { host: '' }].map(
      (headers) => whyRefused({ ...check, headers }, [])?.code,
    );
    expect(refusals).toEqual(['foreign_origin', 'forbidden_host', 'forbidden_host']);
  });

  it.each([
    ['http://127.0.0.1:8989', null],
    ['HTTP://127.0.0.1:8989', null],
    ['null', 'foreign_origin'],
    ['', 'foreign_origin'],
    ['https://127.0.0.1:8989', 'foreign_origin'],
    ['http://127.0.0.1', 'foreign_origin'],
    ['http://127.0.0.1:8990', 'foreign_origin'],
    ['http://localhost:8989', 'foreign_origin'],
    ['http://127.0.0.1:8989.evil.example', 'foreign_origin'],
    ['https://chatgpt.com', 'foreign_origin'],
    ['chrome-extension://made-up', 'foreign_origin'],
  ])('origin %j: %s', (origin, code) => {
    expect(codeFor({ ...own, origin })).toBe(code);
    expect(codeFor({ ...own, origin }, 'POST', '/admin/reload')).toBe(code);
  });

  it.each([
    ['proxy.lan', 'https://proxy.lan', null],
    ['proxy.lan', 'HTTPS://Proxy.LAN', null],
    ['proxy.lan', 'https://proxy.lan:443', null],
    ['proxy.lan:8989', 'https://proxy.lan', null],
    ['proxy.lan:8443', 'https://proxy.lan:8443', null],
    ['127.0.0.1:8989', 'https://proxy.lan', null],
    ['[::1]:8989', 'https://proxy.lan', null],
    ['[fd00::1]', 'https://[fd00::1]', null],
    ['[fd00::1]:8443', 'https://[fd00::1]:8443', null],
    ['proxy.lan', 'http://proxy.lan', null],
    ['proxy.lan:8989', 'http://proxy.lan', 'foreign_origin'],
    ['127.0.0.1:8989', 'http://proxy.lan', 'foreign_origin'],
    ['proxy.lan', 'https://proxy.lan:8443', 'foreign_origin'],
    ['proxy.lan:8989', 'https://proxy.lan:8443', 'foreign_origin'],
    ['proxy.lan', 'https://x.proxy.lan', 'foreign_origin'],
    ['proxy.lan', 'https://proxy.lan.evil.example', 'foreign_origin'],
    ['proxy.lan', 'https://evil.example', 'foreign_origin'],
    ['proxy.lan', 'https://proxy.lan/', 'foreign_origin'],
    ['proxy.lan', 'https://me@proxy.lan', 'foreign_origin'],
    ['proxy.lan', 'https://proxy.lan:', 'foreign_origin'],
    ['proxy.lan', 'https://proxy.lan https://evil.example', 'foreign_origin'],
    ['proxy.lan', 'https://fd00::1', 'foreign_origin'],
    ['proxy.lan', 'wss://proxy.lan', 'foreign_origin'],
    ['proxy.lan', 'https://', 'foreign_origin'],
    ['proxy.lan', 'null', 'foreign_origin'],
    ['proxy.lan', 'https://localhost', 'foreign_origin'],
    ['localhost', 'https://localhost', 'foreign_origin'],
    ['evil.example', 'https://proxy.lan', 'forbidden_host'],
  ])('for host %s, origin %s: %s', (host, origin, code) => {
    const refusal = whyRefused({ method: 'POST', path: '/admin/reload', headers: { host, origin } }, [
      'proxy.lan',
      'fd00::1',
    ]);
    expect(refusal?.code ?? null).toBe(code);
  });

  it.each([
    ['GET', '/', 'navigate', null],
    ['GET', '/dashboard', 'navigate', null],
    ['GET', '/', 'cors', 'cross_site'],
    ['GET', '/', 'no-cors', 'cross_site'],
    ['POST', '/', 'navigate', 'cross_site'],
    ['HEAD', '/', 'navigate', 'cross_site'],
    ['GET', '/admin/accounts', 'navigate', 'cross_site'],
    ['GET', '/dashboard/', 'navigate', 'cross_site'],
    ['GET', '/metrics', 'navigate', 'cross_site'],
    ['GET', '/v1/models', 'navigate', 'cross_site'],
  ])('a cross-site %s %s in mode %s: %s', (method, path, mode, code) => {
    const headers = { ...own, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': mode };
    expect(codeFor(headers, method, path)).toBe(code);
  });

  it.each(['none', 'same-origin'])('a browser whose Sec-Fetch-Site is %s', (site) => {
    expect(codeFor({ ...own, 'sec-fetch-site': site })).toBe(null);
  });

  it('a cross-site link to the page needs an allowed host and origin, too', () => {
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect(codeFor({ ...link, host: 'evil.example' }, 'GET', '/')).toBe('forbidden_host');
    expect(codeFor({ ...own, ...link, origin: 'null' }, 'GET', '/')).toBe('foreign_origin');
  });
});

describe('names', () => {
  it.each([
    ['127.0.0.1', true],
    ['::1', true],
    ['::ffff:127.0.0.1', true],
    ['::FFFF:127.9.9.9', true],
    ['::ffff:10.0.0.7', false],
    ['10.0.0.7', false],
    ['', false],
    [undefined, false],
  ])('a peer at %j is on this machine: %s', (address, isLocal) => {
    expect(isLoopbackPeer(address)).toBe(isLocal);
  });

  it.each([
    ['127.0.0.1:8989', '127.0.0.1'],
    ['[::1]:1', '::1'],
    ['A.b', 'a.b'],
    ['a:b', null],
    ['::1', null],
    ['a b', null],
    ['a/b', null],
  ])('the name in host %j is %j', (host, name) => {
    expect(hostName(host)).toBe(name);
  });

  it.each([
    ['127.255.0.1', true],
    ['::1', true],
    ['[::1]', true],
    ['0:0:0:0:0:0:0:1', true],
    ['localhost', true],
    ['a.localhost', true],
    ['128.0.0.1', false],
    ['127.1', false],
    ['::', false],
    ['::2', false],
    ['localhost.', false],
    ['', false],
  ])('%j always means this machine: %s', (name, isLoopback) => {
    expect(isLoopbackName(name)).toBe(isLoopback);
  });
});
