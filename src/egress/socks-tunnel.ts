import { lookup } from 'node:dns/promises';
import { isIPv4, isIPv6, type Socket } from 'node:net';
import { EgressError } from './egress-error.js';
import type { EgressProxy } from './egress-proxy.js';
import { readBytes } from './socket-reader.js';
import type { TunnelTarget } from './tunnel.js';

const VERSION = 5;
const NO_LOGIN = 0;
const PASSWORD = 2;
const NO_METHOD = 0xff;
/** Longest name in a request; its length is one byte. */
const NAME_BYTES = 255;
const [IPV4, NAME, IPV6] = [1, 3, 4];

/** Meanings of a refusal (RFC 1928, section 6). */
const refusals = [
  'for an unknown reason',
  'because of its rules',
  'because the network is unreachable',
  'because the host is unreachable',
  'because the target refuses the connection',
  'because the target does not respond',
  'because it supports no such command',
  'because it supports no such address',
];

/** Asks a SOCKS5 proxy for a tunnel (RFC 1928, RFC 1929). */
export async function connectSocks(socket: Socket, proxy: EgressProxy, to: TunnelTarget): Promise<void> {
  const address = proxy.scheme === 'socks5h' ? to.host : await resolved(to.host);
  if (Buffer.byteLength(address) > NAME_BYTES)
    throw new EgressError(proxy, 'EGRESS_REFUSED', `takes no name of more than ${NAME_BYTES} bytes`);
  const methods = proxy.login === null ? [NO_LOGIN] : [NO_LOGIN, PASSWORD];
  socket.write(Buffer.from([VERSION, methods.length, ...methods]));
  const [, method] = await reply(socket, proxy);
  if (method === PASSWORD && proxy.login !== null) await logIn(socket, proxy, proxy.login);
  else if (method === NO_METHOD) throw needsLogin(proxy);
  else if (method !== NO_LOGIN) throw notSocks(proxy);
  const port = [to.port >> 8, to.port & 0xff];
  socket.write(Buffer.from([VERSION, 1, 0, ...addressBytes(address), ...port]));
  const [, refusal = 0] = await reply(socket, proxy);
  if (refusal !== 0) {
    const why = refusals[refusal - 1] ?? `with code ${refusal}`;
    throw new EgressError(proxy, 'EGRESS_REFUSED', `refuses a tunnel ${why}`);
  }
  await skipBoundAddress(socket, proxy);
}

/** The first two bytes of a reply: the version, checked, and a value. */
async function reply(socket: Socket, proxy: EgressProxy): Promise<Buffer> {
  const bytes = await readBytes(socket, 2);
  if (bytes[0] !== VERSION) throw notSocks(proxy);
  return bytes;
}

async function logIn(
  socket: Socket,
  proxy: EgressProxy,
  { user, password }: NonNullable<EgressProxy['login']>,
): Promise<void> {
  const fields = [user, password.reveal()].map((it) => Buffer.from(it));
  socket.write(Buffer.concat([Buffer.from([1]), ...fields.flatMap((it) => [Buffer.from([it.length]), it])]));
  const [, status] = await readBytes(socket, 2);
  if (status !== 0) throw new EgressError(proxy, 'EGRESS_LOGIN', 'rejects the user or the password');
}

/** Reads the rest of a success: the address that the proxy uses, which is of no interest. */
async function skipBoundAddress(socket: Socket, proxy: EgressProxy): Promise<void> {
  const [, kind, length = 0] = await readBytes(socket, 3);
  const rest = kind === IPV4 ? 3 : kind === IPV6 ? 15 : kind === NAME ? length : null;
  if (rest === null) throw notSocks(proxy);
  await readBytes(socket, rest + 2);
}

/** Resolves a name on this machine. IPv4 comes first, because many SOCKS proxies have no IPv6. */
async function resolved(host: string): Promise<string> {
  const addresses = await lookup(host, { all: true });
  const best = addresses.find((it) => it.family === 4) ?? addresses[0];
  return best?.address ?? host;
}

function addressBytes(host: string): number[] {
  if (isIPv4(host)) return [IPV4, ...host.split('.').map(Number)];
  if (isIPv6(host)) return [IPV6, ...ipv6Bytes(host)];
  const name = Buffer.from(host);
  return [NAME, name.length, ...name];
}

function ipv6Bytes(address: string): number[] {
  // The URL parser removes the dotted form, so that only groups and one `::` are left.
  const { hostname } = new URL(`http://[${address.replace(/%.*/, '')}]`);
  const [start = [], end = []] = hostname
    .slice(1, -1)
    .split('::')
    .map((it) => it.split(':').filter((group) => group !== ''));
  const zeros = Array.from({ length: 8 - start.length - end.length }, () => '0');
  return [...start, ...zeros, ...end].flatMap((it) => {
    const group = Number.parseInt(it, 16);
    return [group >> 8, group & 0xff];
  });
}

function needsLogin(proxy: EgressProxy): EgressError {
  const what =
    proxy.login === null ? 'requires a user and a password' : 'accepts no login by user and password';
  return new EgressError(proxy, 'EGRESS_LOGIN', what);
}

function notSocks(proxy: EgressProxy): EgressError {
  return new EgressError(proxy, 'EGRESS_PROTOCOL', 'does not speak SOCKS5');
}
