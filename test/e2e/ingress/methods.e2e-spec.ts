import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forwarded } from '../../support/clients/forwarded-requests.js';
import { call } from '../../support/clients/raw-http.js';
import { RawSocket } from '../../support/clients/raw-socket.js';
import { TestPool } from '../../support/pool/pool.js';

const ALL = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';

let pool: TestPool;
beforeAll(async () => {
  pool = await TestPool.start({ accounts: ['a'] });
});
afterAll(async () => pool[Symbol.asyncDispose]());

/** Sends a request without a body as these exact lines, and returns the whole response. */
async function raw(...lines: readonly string[]): Promise<string> {
  using socket = new RawSocket(pool.origin);
  await socket.write([...lines, 'connection: close', '', ''].join('\r\n'));
  return await socket.whole();
}

describe('a method that is neither served nor forwarded', () => {
  it.each([
    'TRACE',
    'PROPFIND',
    'PROPPATCH',
    'PURGE',
    'LINK',
    'SEARCH',
    'MKCOL',
    'LOCK',
    'M-SEARCH',
    'REPORT',
  ])('%s gets a local 405 on every path, and no token is sent', async (method) => {
    for (const [path, allow] of [
      ['/v1/responses', 'POST'],
      ['/v1/responses/compact', 'POST'],
      ['/oauth/token', 'POST'],
      ['/v1/models', 'GET, HEAD'],
      ['/v1/alpha/search', ALL],
      ['/v1/images/generations', ALL],
      ['/v1/chat/completions', ALL],
      ['/backend-api/wham/settings/user', ALL],
      ['/backend-api/files', ALL],
      ['/ps/mcp', ALL],
      ['/codex/analytics-events/events', ALL],
      ['/healthz', ALL],
      ['/admin/accounts', ALL],
      ['/favicon.ico', ALL],
      ['/', ALL],
    ] as const) {
      const { status, headers, body } = await call(pool.origin, { method, path });
      expect([path, status, headers['allow']]).toEqual([path, 405, allow]);
      expect(JSON.parse(body.toString())).toHaveProperty('error.code', 'method_not_allowed');
    }
    expect(forwarded(pool.fakeUpstream)).toEqual([]);
  });

  it('may not start a WebSocket either', async () => {
    const headers = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' };
    expect((await call(pool.origin, { method: 'TRACE', path: '/v1/responses', headers })).status).toBe(405);
    expect(forwarded(pool.fakeUpstream)).toEqual([]);
  });

  it('that HTTP does not know gets a JSON refusal', async () => {
    const text = await raw('FROB /v1/alpha/search HTTP/1.1', 'host: localhost');
    expect(text).toMatch(/^HTTP\/1\.1 405 [^]*"code":"method_not_allowed"/);
  });
});

describe('OPTIONS * and a target in absolute form', () => {
  it.each([
    ['OPTIONS *', 'localhost'],
    ['OPTIONS http://localhost:8989', 'localhost'],
  ])('%s tells the methods of the server', async (line, host) => {
    const text = await raw(`${line} HTTP/1.1`, `host: ${host}`);
    expect(text).toMatch(/^HTTP\/1\.1 204 /);
    expect(text.toLowerCase()).toContain(`\r\nallow: ${ALL.toLowerCase()}\r\n`);
  });

  it.each([
    ['OPTIONS *', 'evil.example', 403, 'forbidden_host'],
    ['OPTIONS http://evil.example', 'localhost', 403, 'forbidden_host'],
    ['GET *', 'localhost', 404, 'unknown_route'],
    ['GET http://localhost/v1', 'localhost', 200, 'codex-pool'],
    ['GET HTTP://127.0.0.1:8989/healthz', 'localhost', 200, '"status":"up"'],
    ['GET http://[::1]:8989/readyz?x', '[::1]:8989', 200, 'ready'],
    ['GET http://localhost', 'localhost', 200, 'codex-pool'],
    ['GET http://localhost/admin/accounts', 'localhost', 200, '"name":"a"'],
    ['GET http://localhost/v1', 'evil.example', 200, 'codex-pool'], // RFC 9112 3.2.2: Host is ignored
    ['GET http://evil.example/v1', 'localhost', 403, 'forbidden_host'],
    ['GET http://evil.example/healthz', 'localhost', 403, 'forbidden_host'],
    ['GET http://localhost@evil.example/v1', 'localhost', 403, 'forbidden_host'],
    ['GET http:///v1', 'localhost', 403, 'forbidden_host'],
    ['GET http://localhost//v1', 'localhost', 404, 'unknown_route'],
    ['GET http://localhost/v1/../admin/accounts', 'localhost', 404, 'unknown_route'],
    ['GET ftp://localhost/v1', 'localhost', 404, 'unknown_route'],
    ['TRACE http://localhost/v1/x', 'localhost', 405, 'method_not_allowed'],
    ['GET http://chatgpt.com/backend-api/wham/usage', 'chatgpt.com', 403, 'forbidden_host'],
  ])('%s with Host %s gets %i', async (line, host, status, part) => {
    const text = await raw(`${line} HTTP/1.1`, `host: ${host}`);
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(text).toContain(part);
    expect(forwarded(pool.fakeUpstream)).toEqual([]);
  });

  it('without a Host header stays invalid in HTTP/1.1, and is served in HTTP/1.0', async () => {
    expect(await raw('GET http://localhost/v1 HTTP/1.1')).toMatch(/^HTTP\/1\.1 400 [^]*missing_host/);
    expect(await raw('GET http://localhost/v1 HTTP/1.0')).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('in absolute form a request is forwarded with the path and query of its target', async () => {
    const path = `${pool.origin}/v1/alpha/search?a=%2B&b`;
    await call(pool.origin, { method: 'POST', path, body: '{}' });
    await call(pool.origin, { path: `${pool.origin}/backend-api/wham/settings/user` });
    expect(forwarded(pool.fakeUpstream).map((it) => it.path)).toEqual([
      '/backend-api/codex/alpha/search?a=%2B&b',
      '/backend-api/wham/settings/user',
    ]);
  });

  it('in absolute form a WebSocket is served, unless its authority is foreign', async () => {
    const handshake = [
      'host: localhost',
      'upgrade: websocket',
      'sec-websocket-version: 13',
      'sec-websocket-key: bWFkZSB1cCBub25jZSAxNg==',
    ];
    const open = async (authority: string) => {
      using socket = new RawSocket(pool.origin);
      const head = [`GET http://${authority}/v1/responses HTTP/1.1`, ...handshake, 'connection: upgrade'];
      await socket.write([...head, '', ''].join('\r\n'));
      await socket.until('\r\n\r\n');
      return socket.text;
    };
    expect(await open('localhost:8989')).toMatch(/^HTTP\/1\.1 101 /);
    expect(await open('evil.example')).toMatch(/^HTTP\/1\.1 403 /);
  });
});
