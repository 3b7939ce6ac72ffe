import type { Socket } from 'node:net';
import { EgressError } from './egress-error.js';
import type { EgressProxy } from './egress-proxy.js';
import { readBytes } from './socket-reader.js';
import type { TunnelTarget } from './tunnel.js';

/** Largest head of a proxy's response. */
const HEAD_BYTES = 16 * 1_024;
const START = 'HTTP/';
/** Tinyproxy rejects a wrong password with 401. */
const meaningLogin: ReadonlySet<number> = new Set([401, 407]);

/** Asks an HTTP proxy for a tunnel (RFC 9110, 9.3.6). */
export async function connectHttp(socket: Socket, proxy: EgressProxy, to: TunnelTarget): Promise<void> {
  const authority = `${to.host.includes(':') ? `[${to.host}]` : to.host}:${to.port}`;
  const lines = [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`];
  if (proxy.login !== null) {
    const login = Buffer.from(`${proxy.login.user}:${proxy.login.password.reveal()}`).toString('base64');
    lines.push(`Proxy-Authorization: Basic ${login}`);
  }
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  const status = await statusOf(socket, proxy);
  if (status >= 200 && status < 300) return;
  if (!meaningLogin.has(status))
    throw new EgressError(proxy, 'EGRESS_REFUSED', `refuses a tunnel with status ${status}`);
  const what = proxy.login === null ? 'requires a user and a password' : 'rejects the user or the password';
  throw new EgressError(proxy, 'EGRESS_LOGIN', `${what} (status ${status})`);
}

/** Reads heads until one with a final status, which it returns. */
async function statusOf(socket: Socket, proxy: EgressProxy): Promise<number> {
  for (;;) {
    const head = await readHead(socket, proxy);
    const status = Number(/^HTTP\/1\.[01] (\d{3})\b/.exec(head)?.[1] ?? '0');
    if (status === 0) throw notHttp(proxy);
    if (status >= 200) return status;
  }
}

/** Reads up to the blank line that ends a head. Later bytes stay in the socket. */
async function readHead(socket: Socket, proxy: EgressProxy): Promise<string> {
  let head = (await readBytes(socket, START.length)).toString('latin1');
  if (head !== START) throw notHttp(proxy);
  while (!head.endsWith('\r\n\r\n')) {
    if (head.length >= HEAD_BYTES) throw notHttp(proxy);
    head += (await readBytes(socket, 1)).toString('latin1');
  }
  return head;
}

function notHttp(proxy: EgressProxy): EgressError {
  return new EgressError(proxy, 'EGRESS_PROTOCOL', 'does not speak HTTP');
}
