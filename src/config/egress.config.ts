import { isIP } from 'node:net';
import { z } from 'zod';
import { directHosts } from '../egress/direct-hosts.js';
import { type Egress, type EgressProxy, type EgressScheme, egressSchemes } from '../egress/egress-proxy.js';
import { Secret } from '../runtime/secret.js';

const defaultPorts: Readonly<Record<EgressScheme, number>> = {
  http: 80,
  https: 443,
  socks5: 1080,
  socks5h: 1080,
};
/** Longest user or password in a SOCKS login (RFC 1929), bytes. */
const SOCKS_LOGIN_BYTES = 255;

const EXPECTED = `expected an address such as http://127.0.0.1:3128, with the scheme ${egressSchemes.join(', ')}`;
const ENCODE = 'write special characters in the user or the password percent-encoded, such as %40 for @';

const names = ['http_proxy', 'https_proxy', 'all_proxy', 'no_proxy'] as const;
const text = z.string().default('');
const fields = Object.fromEntries(
  names.flatMap((it) => [
    [it, text],
    [it.toUpperCase(), text],
  ]),
);

/**
 * Reads the standard proxy variables. The name in lower case comes first, as for curl; an empty value counts as not
 * set. Only variables that have an effect are judged: desktops set an `ALL_PROXY` beside the others that few programs
 * can read. No message contains a value, because it may contain a password.
 */
export const egressSchema = z.object(fields).transform((env, context): Egress => {
  const first = (candidates: readonly (typeof names)[number][]) =>
    candidates.flatMap((it) => [it, it.toUpperCase()]).find((it) => env[it]?.trim() !== '');
  const read = new Map<string, EgressProxy | null>();
  const proxyIn = (name: string | undefined): EgressProxy | null => {
    if (name === undefined) return null;
    const known = read.get(name);
    if (known !== undefined) return known;
    const parsed = readProxy((env[name] ?? '').trim());
    if (typeof parsed === 'string') context.addIssue({ code: 'custom', path: [name], message: parsed });
    const proxy = typeof parsed === 'string' ? null : parsed;
    read.set(name, proxy);
    return proxy;
  };
  return {
    http: proxyIn(first(['http_proxy', 'all_proxy'])),
    https: proxyIn(first(['https_proxy', 'all_proxy'])),
    direct: directHosts(env[first(['no_proxy']) ?? ''] ?? ''),
  };
});

/** Returns the proxy at an address, or the reason why the address is unusable. The default scheme is http. */
function readProxy(value: string): EgressProxy | string {
  const [, written, rest = ''] = /^(?:([^:/?#]*):\/\/)?(.*)$/s.exec(value) ?? [];
  const scheme = egressSchemes.find((it) => it === (written ?? 'http').toLowerCase());
  if (scheme === undefined) return whyNoScheme(written ?? '');
  const [, login, host, port, after] =
    /^(?:([^/?#]*)@)?(\[[^\]]*\]|[^/?#:@[\]]*)(?::([^/?#]*))?(.*)$/s.exec(rest) ?? [];
  if (host === undefined || host === '') return `${EXPECTED}; the host is missing or unreadable; ${ENCODE}`;
  const bare = canonicalHost(host);
  if (bare === null) return `${EXPECTED}; the host is unreadable`;
  const number = port === undefined || port === '' ? defaultPorts[scheme] : portIn(port);
  if (number === null) return `expected a port from 1 to 65535; ${ENCODE}`;
  if (after !== undefined && after !== '' && after !== '/')
    return `${EXPECTED}, and nothing after the port; a PAC file is not supported; ${ENCODE}`;
  const credentials = login === undefined || login === '' ? null : readLogin(login, scheme);
  if (typeof credentials === 'string') return credentials;
  return { scheme, host: bare, port: number, login: credentials };
}

function whyNoScheme(scheme: string): string {
  const known = /^socks(4a?)?$/i.test(scheme)
    ? `${scheme.toLowerCase()} is not supported, but many such proxies also speak socks5; `
    : '';
  return `${known}${EXPECTED}`;
}

/** The host as the URL parser writes it, without brackets; null if it is not a valid host. */
function canonicalHost(host: string): string | null {
  const url = `http://${host}/`;
  if (!URL.canParse(url)) return null;
  const { hostname } = new URL(url);
  const bare = hostname.replace(/^\[|\]$/g, '');
  return host.startsWith('[') && isIP(bare) !== 6 ? null : bare;
}

function portIn(written: string): number | null {
  const port = /^\d{1,5}$/.test(written) ? Number(written) : 0;
  return port >= 1 && port <= 65_535 ? port : null;
}

function readLogin(login: string, scheme: EgressScheme): EgressProxy['login'] | string {
  const [user = '', ...rest] = login.split(':');
  const parts = [user, rest.join(':')].map(decoded);
  const [name, password] = parts;
  if (name == null || password == null)
    return `the user or the password is unreadable: ${ENCODE} and %25 for %`;
  const isSocks = scheme === 'socks5' || scheme === 'socks5h';
  const lengths = [name, password].map((it) => Buffer.byteLength(it));
  if (isSocks && lengths.some((it) => it < 1 || it > SOCKS_LOGIN_BYTES))
    return `expected a user and a password of 1 to ${SOCKS_LOGIN_BYTES} bytes each, as SOCKS5 allows`;
  if (!isSocks && name.includes(':')) return 'expected a user without a colon, as HTTP allows';
  return { user: name, password: new Secret(password) };
}

function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}
