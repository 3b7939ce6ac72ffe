import type { IncomingHttpHeaders } from 'node:http';
import { isLoopbackName, isLoopbackPeer } from '../runtime/loopback.js';

/** Why a request is rejected: a stable code and a sentence for a person. */
export interface Violation {
  readonly code: 'missing_host' | 'forbidden_host' | 'foreign_origin' | 'cross_site';
  readonly message: string;
}

/** The parts of a request that the guard checks. None depends on the route table. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Version of HTTP, such as `1.1`. Default: unknown. */
  readonly httpVersion?: string;
  /** Address of the client. Default: unknown. */
  readonly peer?: string | undefined;
}

/** Pages that a link from another site may open: viewing them has no effect. */
const pages = new Set(['/', '/dashboard']);
/** Paths that load balancers and supervisors check, often with HTTP/1.0, which has no `Host` (RFC 1945). */
const checks = new Set(['/healthz', '/readyz']);

/**
 * Checks a request before any routing; null if it may pass. The `Host` must be ours (against DNS rebinding), and
 * pages of other origins are rejected: only our own scheme and host, or https of an allowed name, may send. Programs
 * send neither `Origin` nor `Sec-Fetch-Site`. Only a health check by HTTP/1.0 from this machine needs no `Host`:
 * browsers always send one.
 */
export function whyRefused(head: RequestHead, allowedHosts: readonly string[]): Violation | null {
  const host = head.headers.host;
  if (host === undefined && head.httpVersion === '1.1')
    return { code: 'missing_host', message: 'An HTTP/1.1 request needs a Host header (RFC 9112).' };
  if (!isOwnHost(host, allowedHosts) && !(host === undefined && isLocalCheck(head))) {
    return {
      code: 'forbidden_host',
      message:
        'This proxy accepts only loopback host names. If this host is yours, add it to PROXY_ALLOWED_HOSTS.',
    };
  }
  const origin = head.headers.origin;
  if (origin !== undefined && !isOwnOrigin(origin, host ?? '', allowedHosts)) {
    return { code: 'foreign_origin', message: 'Requests from pages of another origin are rejected.' };
  }
  if (head.headers['sec-fetch-site'] === 'cross-site' && !isPlainNavigation(head)) {
    return { code: 'cross_site', message: 'Cross-site requests are rejected.' };
  }
  return null;
}

/** Returns the name in a `Host` header, without port and brackets, in lower case; null if it is invalid. */
export function hostName(host: string): string | null {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/i.exec(host);
  const name = match?.[1] ?? match?.[2];
  return name === undefined ? null : name.toLowerCase();
}

function isOwnHost(host: string | undefined, allowedHosts: readonly string[]): boolean {
  const name = host === undefined ? null : hostName(host);
  return name !== null && (isLoopbackName(name) || allowedHosts.includes(name));
}

function isLocalCheck({ method, path, httpVersion, peer }: RequestHead): boolean {
  const isRead = method === 'GET' || method === 'HEAD';
  return isRead && httpVersion === '1.0' && checks.has(path) && isLoopbackPeer(peer);
}

function isOwnOrigin(origin: string, host: string, allowedHosts: readonly string[]): boolean {
  return origin.toLowerCase() === `http://${host.toLowerCase()}` || isBehindTls(origin, host, allowedHosts);
}

/**
 * Returns whether the page comes from a reverse proxy that serves us over TLS: by https from an allowed name, at the
 * default port or the one in `Host`. The name in `Host` may be another one, as reverse proxies often change it.
 */
function isBehindTls(origin: string, host: string, allowedHosts: readonly string[]): boolean {
  const authority = /^https:\/\/(.+)$/i.exec(origin)?.[1];
  const name = authority === undefined ? null : hostName(authority);
  if (authority === undefined || name === null || !allowedHosts.includes(name)) return false;
  const port = portOf(authority);
  return port === '' || port === '443' || port === portOf(host);
}

/** Returns the port in a valid authority; empty without one. */
function portOf(authority: string): string {
  return /:(\d{1,5})$/.exec(authority)?.[1] ?? '';
}

function isPlainNavigation(head: RequestHead): boolean {
  return head.method === 'GET' && head.headers['sec-fetch-mode'] === 'navigate' && pages.has(head.path);
}
