import { createHash } from 'node:crypto';
import { codexHandshake } from '../support/clients/codex-socket.js';
import { clientCredentials } from './canary.js';
import type { Draw } from './draw.js';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

/** The handshake of a client like Codex. */
export function clientHandshake(session: string, path: string, deflates: boolean): Buffer {
  const fields = {
    host: '127.0.0.1',
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': KEY,
    ...(deflates ? { 'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits' } : {}),
    ...codexHandshake(session),
    ...clientCredentials,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
}

/** Upstream's 101 to a handshake with this key. */
export function acceptance(key: string, more: readonly string[] = []): string {
  const accept = createHash('sha1')
    .update(key + GUID)
    .digest('base64');
  const lines = ['upgrade: websocket', 'connection: Upgrade', `sec-websocket-accept: ${accept}`, ...more];
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`;
}

/** An answer of upstream to a handshake, not always a right one. */
export function oddAcceptance(draw: Draw, key: string): string {
  const good = acceptance(key);
  return draw.one<() => string>([
    () =>
      acceptance(key, [
        draw.one([
          'sec-websocket-protocol: x',
          'sec-websocket-extensions: permessage-deflate',
          'sec-websocket-extensions: permessage-deflate; server_max_window_bits=99',
          'sec-websocket-extensions: x-unknown, ,',
          `x-codex-turn-state: ${'s'.repeat(20_000)}`,
          'set-cookie: a=b',
          'content-length: 5',
          'transfer-encoding: chunked',
        ]),
      ]),
    () => good.replace(/accept: .*/, 'accept: d3Jvbmc='),
    () => good.replace(/sec-websocket-accept.*\r\n/, ''),
    () =>
      good.replace('upgrade: websocket\r\n', draw.one(['', 'upgrade: h2c\r\n', 'upgrade: websocket, x\r\n'])),
    () => good.replace(' 101 ', draw.one([' 100 ', ' 102 ', ' 200 ', ' 426 ', ' 1010 ', ' '])),
    () => good.slice(0, draw.whole(1, good.length - 1)),
    () => `HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${good}`,
    () => good.replaceAll('\r\n', '\n'),
  ])();
}
