import { clientCredentials } from './canary.js';
import type { Draw } from './draw.js';
import { oddFields } from './odd-fields.js';

const methods = [
  'GET',
  'GET',
  'POST',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'PURGE',
  'MKCOL',
  'LOCK',
  'REPORT',
  'SEARCH',
  'SOURCE',
  'M-SEARCH',
  'QUERY',
  'get',
  'BREW',
  'G@T',
  '',
  'POSTPOST',
] as const;

const paths = [
  '/v1/responses',
  '/v1/responses',
  '/v1/models',
  '/v1/models?client_version=0.169.0',
  '/backend-api/codex/models',
  '/healthz',
  '/readyz',
  '/metrics',
  '/',
  '/v1',
  '/admin/accounts',
  '/admin/accounts/x',
  '/admin/usage',
  '/admin/requests',
  '/oauth/token',
  '/backend-api/wham/usage',
  '/backend-api/wham/settings/user',
  '/backend-api/ps/x',
  '/api/codex/usage',
  '/v1/images/generations',
  '/backend-api/files',
  '/v1/responses/resp_x',
  '/v1/realtime',
  '/backend-api/wham/config/bundle',
  '/favicon.ico',
  '*',
  '',
  'v1/models',
  'http://127.0.0.1/v1/models',
  'http://evil.example/v1/models',
  'https://user:pass@x/v1/models',
  '/v1/../admin/accounts',
  '/v1/./models',
  '/v1/%2e%2e/models',
  '/v1//models',
  '//evil.example/v1',
  '/v1/%2F',
  '/%',
  '/%zz',
  '/%00',
  '/v1/models%0d%0ax:y',
  '/v1/\u0001',
  '/v1/mod els',
  '/v1/models\t',
  '/v1/é',
  '/v1/models#x',
  '/v1/models?a=%0a&key=b',
  '/v1/models?\u00ff',
  '/v1/responses?x=../..',
  '/v1/models;v=1',
  '/v1/\\..\\x',
] as const;

const versions = [
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2.0',
  'HTTP/1.2',
  'http/1.1',
  'HTTP/1.1 ',
  'HTTP/11',
  'ICY/1.0',
  '',
] as const;

/** A request line and header fields, odd in some way, without the empty line at their end. */
export function oddHead(draw: Draw): { readonly method: string; readonly lines: readonly string[] } {
  const method = draw.happens(0.05) ? 'CONNECT' : draw.one(methods);
  const target =
    method === 'CONNECT' ? draw.one(['evil.example:443', '127.0.0.1:1', ':', '/v1']) : oddPath(draw);
  const line = [method, target, draw.one(versions)].join(draw.happens(0.05) ? '  ' : ' ');
  return {
    method,
    lines: [line, ...commonFields(draw), ...draw.list(0, 3, () => draw.one(oddFields)(draw))],
  };
}

/** A request that is right but for one field. */
export function nearlyGoodHead(draw: Draw): { readonly method: string; readonly lines: readonly string[] } {
  const [method, path] = draw.one([
    ['GET', '/v1/models'],
    ['GET', '/healthz'],
    ['GET', '/backend-api/wham/settings/user'],
    ['POST', '/v1/responses'],
    ['POST', '/oauth/token'],
    ['TRACE', '/backend-api/ps/x'],
    ['PROPFIND', '/v1/models'],
  ]);
  const length = method === 'POST' ? ['content-length: 0'] : [];
  const fields = [...commonFields(draw), ...length, draw.one(oddFields)(draw)];
  return { method, lines: [`${method} ${path} HTTP/1.1`, ...fields] };
}

/** The handshake of a WebSocket with up to two wrong fields. */
export function oddHandshake(draw: Draw): { readonly method: string; readonly lines: readonly string[] } {
  const good: Record<string, string> = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  const wrong = Object.fromEntries(draw.list(1, 2, () => draw.one(wrongHandshakeFields)));
  const method = draw.happens(0.85) ? 'GET' : draw.one(['POST', 'HEAD', 'OPTIONS', 'CONNECT']);
  const path = draw.one([
    '/v1/responses',
    '/v1/responses',
    '/backend-api/codex/responses',
    '/v1/realtime',
    '/healthz',
    '/x',
    '/v1/../x',
  ]);
  const fields = Object.entries({ ...good, ...wrong }).flatMap(([name, value]) =>
    value === '-' ? [] : [`${name}: ${value}`],
  );
  return {
    method,
    lines: [`${method} ${path} HTTP/1.1`, 'host: 127.0.0.1', ...fields, ...commonFields(draw).slice(1)],
  };
}

/** `-`: the field is missing. */
const wrongHandshakeFields: readonly [[string, string], ...[string, string][]] = [
  ['connection', 'keep-alive'],
  ['upgrade', 'h2c'],
  ['upgrade', 'websocket, h2c'],
  ['upgrade', 'WebSocket'],
  ['sec-websocket-version', '-'],
  ['sec-websocket-version', '8'],
  ['sec-websocket-version', '14'],
  ['sec-websocket-key', '-'],
  ['sec-websocket-key', 'short'],
  ['sec-websocket-key', ''],
  ['sec-websocket-protocol', ', ,'],
  ['sec-websocket-protocol', 'a, b'],
  ['sec-websocket-extensions', 'permessage-deflate; client_max_window_bits=99'],
  ['sec-websocket-extensions', '"'],
  ['sec-websocket-extensions', 'permessage-deflate; x=y'],
  ['content-length', '5'],
  ['transfer-encoding', 'chunked'],
  ['expect', '100-continue'],
  ['origin', 'http://evil.example'],
  ['host', 'evil.example'],
  ['x-long', 'x'.repeat(20_000)],
];

function oddPath(draw: Draw): string {
  return draw.happens(0.03) ? `/v1/${'p/'.repeat(draw.size(10, 40_000))}x` : draw.one(paths);
}

/** The headers of most clients: a host, and credentials of their own. */
function commonFields(draw: Draw): string[] {
  const credentials = Object.entries(clientCredentials).map(([name, value]) => `${name}: ${value}`);
  const host = draw.happens(0.9) ? ['host: 127.0.0.1'] : [];
  return [...host, ...credentials.filter(() => draw.happens(0.7))];
}

/** The empty line and the line ends that an odd client may use. */
export function joined(draw: Draw, lines: readonly string[]): Buffer {
  const end = draw.happens(0.9) ? '\r\n' : draw.one(['\n', '\r', '\n\r', '\r\r\n']);
  return Buffer.from(`${lines.join(end)}${end}${end}`, 'latin1');
}
