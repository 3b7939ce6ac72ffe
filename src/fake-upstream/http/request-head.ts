import type { IncomingHttpHeaders } from 'node:http';

/** The path of a request target, without its query. */
export function pathnameOf(target: string): string {
  return target.split('?', 1)[0] ?? '';
}

/** The access token of a request; empty if none. */
export function bearerOf(headers: IncomingHttpHeaders): string {
  return /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1] ?? '';
}
