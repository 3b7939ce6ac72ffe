import { aTurn } from '../pool/pool.js';

/** Requests for one write, as by a client that does not wait for responses. */
export function packet(...requests: readonly string[]): string {
  return requests.join('');
}

/** A request without a body. */
export function head(line: string, fields: Readonly<Record<string, string>> = {}): string {
  const all = { host: '127.0.0.1', ...fields };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${lines.join('')}\r\n`;
}

/** A turn. */
export function post(fields: Readonly<Record<string, string>> = {}): string {
  const body = JSON.stringify(aTurn());
  const length = String(Buffer.byteLength(body));
  return (
    head('POST /v1/responses', { 'content-type': 'application/json', 'content-length': length, ...fields }) +
    body
  );
}

/** The handshake of a WebSocket (RFC 6455 4.1). */
export function upgrade(fields: Readonly<Record<string, string>> = {}): string {
  return head('GET /v1/responses', {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    ...fields,
  });
}

/** A request for a tunnel. Its `host` names this program, so that the boundary admits it. */
export function connectTo(target: string, fields: Readonly<Record<string, string>> = {}): string {
  return head(`CONNECT ${target}`, fields);
}

/** The status codes in the received text, in order. */
export function statusesIn(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((it) => Number(it[1]));
}
