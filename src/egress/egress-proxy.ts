import { isLoopbackName } from '../runtime/loopback.js';
import type { Secret } from '../runtime/secret.js';
import { type DirectHosts, isDirect } from './direct-hosts.js';

/** Schemes of egress proxies. `socks5` resolves names on this machine, `socks5h` leaves that to the proxy. */
export const egressSchemes = ['http', 'https', 'socks5', 'socks5h'] as const;

export type EgressScheme = (typeof egressSchemes)[number];

/** A proxy on the way out. */
export interface EgressProxy {
  readonly scheme: EgressScheme;
  /** Name or address, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly login: { readonly user: string; readonly password: Secret } | null;
}

/** The egress proxies by the scheme of the target, and the hosts that are reached directly. */
export interface Egress {
  readonly http: EgressProxy | null;
  readonly https: EgressProxy | null;
  readonly direct: DirectHosts;
}

/** Returns the proxy on the way to an address, or null for a direct connection. Loopback is always direct. */
export function egressProxyFor(egress: Egress, target: URL): EgressProxy | null {
  if (isLoopbackName(target.hostname)) return null;
  const isSecure = target.protocol === 'https:' || target.protocol === 'wss:';
  const proxy = isSecure ? egress.https : egress.http;
  return proxy === null || isDirect(egress.direct, bareHost(target), portOf(target)) ? null : proxy;
}

/** The address of a proxy without its user and password, for messages. */
export function describeProxy({ scheme, host, port }: EgressProxy): string {
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** The host of an address, without brackets. */
export function bareHost(target: URL): string {
  return target.hostname.replace(/^\[|\]$/g, '');
}

/** The port of an address, the default port of its scheme included. */
export function portOf(target: URL): number {
  if (target.port !== '') return Number(target.port);
  return target.protocol === 'https:' || target.protocol === 'wss:' ? 443 : 80;
}
