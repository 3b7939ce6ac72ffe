import type { Draw } from './draw.js';

const KiB = 1_024;

/** Fields that a request may have beside its host. Each entry is one or more whole lines. */
export const oddFields: readonly [(draw: Draw) => string, ...((draw: Draw) => string)[]] = [
  () => 'host: evil.example',
  () => 'content-length: 5\r\ncontent-length: 7',
  () => 'content-length: 5, 5',
  (draw) =>
    `content-length: ${draw.one(['-1', '+5', '1e3', '0x10', '99999999999999999999', ' 5 5', '', '5;', '1.0'])}`,
  () => 'content-length: 4\r\ntransfer-encoding: chunked',
  (draw) =>
    `transfer-encoding: ${draw.one(['chunked', 'Chunked', 'chunked, chunked', 'gzip, chunked', 'chunked, gzip', 'identity', 'xchunked', 'chunked\u000b', ''])}`,
  () => 'x-folded: a\r\n b\r\n\tc',
  () => ' starts-with-space: x',
  () => 'space-before : x',
  () => ': no name',
  () => 'no colon',
  () => 'x-nul: a\u0000b',
  () => 'x-cr: a\rb',
  () => 'x-latin: \u00e9\u00ff\u0080',
  () => 'x-na(me): x',
  (draw) =>
    `expect: ${draw.one(['100-continue', '100-Continue', '100-continue, x', '200-ok', '', '100-continue;q=1'])}`,
  (draw) =>
    `connection: ${draw.one(['close', 'keep-alive', 'upgrade', 'authorization, cookie', 'x-a, , ,', 'close, keep-alive', '"'])}`,
  (draw) =>
    `upgrade: ${draw.one(['h2c', 'websocket', 'WebSocket, h2c', 'TLS/1.0', ''])}\r\nconnection: upgrade`,
  (draw) =>
    `sec-websocket-key: ${draw.one(['dGhlIHNhbXBsZSBub25jZQ==', 'short', '', '====', 'x'.repeat(500)])}`,
  (draw) => `sec-websocket-version: ${draw.one(['13', '8', '12, 13', '', '999999', 'x'])}`,
  (draw) =>
    `sec-websocket-extensions: ${draw.one(['permessage-deflate', 'permessage-deflate; client_max_window_bits=99', 'permessage-deflate; x', ',', '"'])}`,
  () => 'sec-websocket-protocol: a, a, ,',
  () => 'origin: http://evil.example\r\nsec-fetch-site: cross-site',
  () => 'te: trailers\r\ntrailer: x-last',
  () => 'x-forwarded-for: 10.0.0.1\r\nvia: 1.1 x\r\nforwarded: for=x',
  () => 'content-type: application/json; charset="\u00e9',
  () => 'accept-encoding: *;q=0, br;q=x',
  () => 'range: bytes=0-,5-1',
  () => 'if-none-match: *',
  () => 'originator: codex_cli_rs\r\nsession-id: ',
  (draw) => `session-id: ${'s'.repeat(draw.size(1, 8_000))}`,
  (draw) => `x-codex-turn-metadata: ${draw.one(['{', '[]', '{"session_id":{}}', 'null'])}`,
  (draw) => Array.from({ length: draw.size(10, 3_000) }, (_, it) => `x-${it}: ${it}`).join('\r\n'),
  (draw) => `x-long: ${'x'.repeat(draw.size(KiB, 200 * KiB))}`,
  (draw) => `x-${'n'.repeat(draw.size(KiB, 100 * KiB))}: x`,
];
