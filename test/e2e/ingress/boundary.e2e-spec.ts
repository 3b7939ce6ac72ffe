import { describe, expect, it } from 'vitest';
import { forwarded } from '../../support/clients/forwarded-requests.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { SocketClient } from '../../support/clients/socket-client.js';
import { call, type RawResponse, type RawRequest, turnWith } from '../../support/clients/raw-http.js';

const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
const post = (path: string): RawRequest => ({ method: 'POST', path, body: '{}' });
const turn = turnWith(JSON.stringify(aTurn()));

/** One request for each kind of route. */
const everyRoute: readonly RawRequest[] = [
  turn,
  { ...turn, path: '/backend-api/codex/responses' },
  { path: '/v1/responses', headers: { ...upgrade, 'sec-websocket-key': 'bWFkZSB1cCBub25jZSAxNg==' } },
  { method: 'HEAD', path: '/v1/responses' },
  { path: '/v1/models' },
  post('/v1/images/generations'),
  { path: '/backend-api/wham/usage' },
  { path: '/backend-api/wham/accounts/check' },
  { path: '/backend-api/wham/config/bundle' },
  { path: '/backend-api/wham/settings/user' },
  post('/backend-api/files'),
  post('/oauth/token'),
  { path: '/admin/accounts' },
  post('/admin/reload'),
  { path: '/admin/no-such-thing' },
  { path: '/healthz' },
  { path: '/readyz' },
  { path: '/metrics' },
  { path: '/dashboard' },
  { path: '/favicon.ico' },
  { method: 'OPTIONS', path: '/v1/responses' },
];

/** The status, and whether label and body are JSON; the response to a HEAD has only the label. */
function summary({ status, headers, body }: RawResponse): string {
  const isLabelled = /^application\/(problem\+)?json/.test(headers['content-type'] ?? '');
  const text = body.toString('utf8');
  return `${status} ${isLabelled && (text === '' || text.startsWith('{')) ? 'JSON' : `not JSON: ${text}`}`;
}

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

function plus(asked: RawRequest, headers: Readonly<Record<string, string>>): RawRequest {
  return { ...asked, headers: { ...asked.headers, ...headers } };
}

describe('the boundary', () => {
  it.each([
    ['a foreign host name', { host: 'evil.example' }],
    ['a foreign host name with the proxy’s port', { host: 'evil.example:8989' }],
    ['a host that only begins like an allowed one', { host: '127.0.0.1.evil.example' }],
    ['another address', { host: '192.168.1.7:8989' }],
    ['a page from another origin', { origin: 'https://evil.example' }],
    ['a page from another port on this machine', { origin: 'http://127.0.0.1:1' }],
    ['a page without an origin', { origin: 'null' }],
    ['a cross-site request', { 'sec-fetch-site': 'cross-site' }],
    ['a cross-site script', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
  ])('rejects %s on every route', async (_who, headers) => {
    await using pool = await TestPool.start();
    for (const asked of [...everyRoute, { path: '/' }]) {
      const { path } = asked;
      const isPage = path === '/' || path === '/dashboard';
      const response = await call(pool.origin, plus(asked, headers));
      expect(summary(response)).toBe('403 JSON');
      expect(response.headers['x-codex-pool-error']).toBeTypeOf('string');
      if (!isPage) continue;
      // A link from another site may lead to the page, but a foreign host or origin is still rejected.
      const navigation = { ...headers, 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
      const isLink = !('host' in headers) && !('origin' in headers);
      expect((await call(pool.origin, plus(asked, navigation))).status).toBe(isLink ? 200 : 403);
    }
    expect(forwarded(pool.fakeUpstream)).toEqual([]);
  });

  it('rejects a cross-site navigation to anything but the page', async () => {
    await using pool = await TestPool.start();
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    for (const path of ['/admin/accounts', '/v1/models', '/metrics', '/healthz']) {
      expect(summary(await call(pool.origin, { path, headers }))).toBe('403 JSON');
    }
    expect(summary(await call(pool.origin, { method: 'POST', path: '/', headers }))).toBe('403 JSON');
  });

  it('admits every loopback name with any port, the proxy’s own pages, and programs', async () => {
    await using pool = await TestPool.start();
    const { port } = new URL(pool.origin);
    for (const host of [
      `127.0.0.1:${port}`,
      'localhost:8989',
      'LOCALHOST',
      '[::1]:8989',
      '127.0.0.2',
      'codex.localhost',
    ]) {
      expect((await call(pool.origin, { path: '/healthz', headers: { host } })).status).toBe(200);
    }
    const own = { origin: pool.origin, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' };
    expect((await call(pool.origin, { path: '/admin/accounts', headers: own })).status).toBe(200);
    expect((await call(pool.origin, { path: '/', headers: { 'sec-fetch-site': 'none' } })).status).toBe(200);
    expect((await call(pool.origin, turn)).status).toBe(200);
  });

  it('admits the hosts that PROXY_ALLOWED_HOSTS names, and no others', async () => {
    await using pool = await TestPool.start({ env: { PROXY_ALLOWED_HOSTS: 'proxy.lan, Other.lan' } });
    for (const [host, status] of [
      ['proxy.lan:8989', 200],
      ['OTHER.lan', 200],
      ['x.proxy.lan', 403],
    ] as const) {
      expect((await call(pool.origin, { path: '/healthz', headers: { host } })).status).toBe(status);
    }
    const ownPage = { host: 'proxy.lan:8989', origin: 'http://proxy.lan:8989' };
    expect((await call(pool.origin, { path: '/admin/accounts', headers: ownPage })).status).toBe(200);
    const foreign = { host: 'proxy.lan:8989', origin: 'http://other.lan:8989' };
    expect(summary(await call(pool.origin, { path: '/admin/accounts', headers: foreign }))).toBe('403 JSON');
  });

  it.each([
    ['https://proxy.lan', 200, 101],
    ['https://evil.example', 403, 403],
    ['null', 403, 403],
  ])(
    'judges a page of %s behind a reverse proxy with TLS, over WebSocket alike',
    async (origin, http, ws) => {
      await using pool = await TestPool.start({ env: { PROXY_ALLOWED_HOSTS: 'proxy.lan' } });
      const headers = { host: 'proxy.lan', origin, 'sec-fetch-site': 'same-origin' };
      expect((await call(pool.origin, { path: '/admin/accounts', headers })).status).toBe(http);
      expect((await call(pool.origin, plus(turn, headers))).status).toBe(http);
      const socket = await SocketClient.tryToConnect(pool.origin, { headers });
      await using _open = socket instanceof SocketClient ? socket : null;
      expect(socket instanceof SocketClient ? 101 : socket.status).toBe(ws);
    },
  );
});

describe('unknown paths', () => {
  it.each([
    '/favicon.ico',
    '/v1x',
    '/v1/',
    '/oauth/tokenX',
    '/backend-apix/wham/usage',
    '/responsesX',
    '/v1/../admin/accounts',
    '/v1/./responses',
    '/v1/%2e%2e/responses',
    '/v1/%2E%2e%2fadmin',
    '/backend-api/ps/..%2f..%2fsecret',
    '/backend-api/..',
    '//v1/responses',
    '/v1//responses',
    '/backend-api//evil.example/x',
    '/v1\\responses',
    '/v1/..%5cadmin',
    '/v1/a%00b',
    '/v1/a%0ab',
    '/v1/%zz',
    '*',
  ])('%s gets 404 as JSON and is not forwarded', async (path) => {
    await using pool = await TestPool.start();
    for (const method of ['GET', 'POST']) {
      expect(
        summary(await call(pool.origin, { method, path, ...(method === 'POST' ? { body: '{}' } : {}) })),
      ).toBe('404 JSON');
    }
    expect(forwarded(pool.fakeUpstream)).toEqual([]);
  });
});

describe('the proxy’s tokens', () => {
  it('PROXY_CLIENT_TOKEN guards all proxied routes, and never reaches upstream', async () => {
    const env = { PROXY_CLIENT_TOKEN: 'client-token-1' };
    await using pool = await TestPool.start({ env, accounts: ['a'] });
    for (const headers of [
      {},
      { authorization: 'Bearer wrong-token-1' },
      { authorization: 'Basic Y2xpZW50LXRva2VuLTE=' },
    ]) {
      for (const asked of [
        turn,
        { path: '/v1/models' },
        { path: '/backend-api/wham/usage' },
        { path: '/backend-api/ps/x' },
      ]) {
        expect(summary(await call(pool.origin, plus(asked, headers)))).toBe('403 JSON');
      }
    }
    expect(forwarded(pool.fakeUpstream)).toEqual([]);
    const right = { authorization: 'Bearer client-token-1' };
    expect((await call(pool.origin, plus(turn, right))).status).toBe(200);
    expect(JSON.stringify(pool.fakeUpstream.turns()[0]?.rawHeaders)).not.toContain('client-token-1');
    for (const path of ['/healthz', '/readyz', '/admin/accounts']) await pool.client.get(path).expect(200);
  });

  it('PROXY_ADMIN_TOKEN guards the admin routes, the page and the metrics, and nothing else', async () => {
    await using pool = await TestPool.start({ env: { PROXY_ADMIN_TOKEN: 'admin-token-1' } });
    const wrong = [
      undefined,
      'Bearer admin-token-2',
      basic('admin-token-1:'),
      basic('me:admin-token'),
      'Bearer',
      'x',
    ];
    const right = [
      'Bearer admin-token-1',
      'bearer admin-token-1',
      basic('me:admin-token-1'),
      basic(':admin-token-1'),
    ];
    for (const path of [
      '/admin/accounts',
      '/admin/accounts/',
      '/admin/requests',
      '/admin/nothing',
      '/metrics',
      '/',
      '/dashboard',
    ]) {
      for (const it of wrong) {
        const headers = it === undefined ? {} : { authorization: it };
        expect(summary(await call(pool.origin, { path, headers }))).toBe('401 JSON');
      }
      for (const authorization of right) {
        expect((await call(pool.origin, { path, headers: { authorization } })).status).not.toBe(401);
      }
    }
    expect(summary(await call(pool.origin, post('/admin/reload')))).toBe('401 JSON');
    await pool.client.get('/healthz').expect(200);
    await pool.client.get('/readyz').expect(200);
    expect((await call(pool.origin, turn)).status).toBe(200);
  });
});
