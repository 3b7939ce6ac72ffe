import type { IncomingHttpHeaders } from 'node:http';
import { isLoopbackName } from '../runtime/loopback.js';

/** Why a request is rejected: a stable code and a sentence for a person. */
export interface Violation {
  readonly code: 'forbidden_host' | 'foreign_origin' | 'cross_site';
  readonly message: string;
}

/** The parts of a request that the guard checks. None depends on the route table. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** Pages that a link from another site may open: viewing them has no effect. */
const pages = new Set(['/', '/dashboard']);

/**
 * Checks a request before any routing; null if it may pass. The `Host` must be ours (against DNS rebinding), and
 * pages of other origins are rejected. Programs send neither `Origin` nor `Sec-Fetch-Site`.
 */
export function whyRefused(head: RequestHead, allowedHosts: readonly string[]): Violation | null {
  const host = head.headers.host;
  const name = host === undefined ? null : hostName(host);
  if (name === null || !(isLoopbackName(name) || allowedHosts.includes(name))) {
    return {
      code: 'forbidden_host',
      message:
        'This proxy accepts only loopback host names. If this host is yours, add it to PROXY_ALLOWED_HOSTS.',
    };
  }
  const origin = head.headers.origin;
  if (origin !== undefined && !isOwnOrigin(origin, host ?? '')) {
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

function isOwnOrigin(origin: string, host: string): boolean {
  return origin.toLowerCase() === `http://${host.toLowerCase()}`;
}

function isPlainNavigation(head: RequestHead): boolean {
  return head.method === 'GET' && head.headers['sec-fetch-mode'] === 'navigate' && pages.has(head.path);
}
