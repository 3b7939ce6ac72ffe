import type { IncomingHttpHeaders } from 'node:http';
import { isLoopbackName } from '../runtime/loopback-name.js';

/** Why a request may not enter, in a stable code and a sentence for a person. */
export interface Violation {
  readonly code: 'forbidden_host' | 'foreign_origin' | 'cross_site';
  readonly message: string;
}

/** What the boundary looks at: nothing of it depends on the route table. */
export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** Pages that a person may reach by a link from elsewhere; nothing is done by looking at them. */
const pages = new Set(['/', '/dashboard']);

/**
 * Decides who may enter, before any routing: a `Host` that is ours (against DNS rebinding), and no
 * browser page of another origin. Programs send neither `Origin` nor `Sec-Fetch-Site`.
 */
export function whyRefused(head: RequestHead, allowedHosts: readonly string[]): Violation | null {
  const host = head.headers.host;
  const name = host === undefined ? null : hostName(host);
  if (name === null || !(isLoopbackName(name) || allowedHosts.includes(name))) {
    return {
      code: 'forbidden_host',
      message:
        'This proxy answers only to loopback host names. Name the host in PROXY_ALLOWED_HOSTS if it is yours.',
    };
  }
  const origin = head.headers.origin;
  if (origin !== undefined && !isOwnOrigin(origin, host ?? '')) {
    return { code: 'foreign_origin', message: 'Requests from pages of another origin are refused.' };
  }
  if (head.headers['sec-fetch-site'] === 'cross-site' && !isPlainNavigation(head)) {
    return { code: 'cross_site', message: 'Cross-site requests are refused.' };
  }
  return null;
}

/** The name in a `Host` header, without its port and brackets, in lower case; null when it is none. */
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
