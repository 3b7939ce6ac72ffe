import type { IncomingMessage, Server } from 'node:http';

/**
 * Accepts request targets in absolute form (`GET http://127.0.0.1:8989/v1/models`), as a server must (RFC 9112 3.2.2).
 * Each is rewritten before anything reads it: the path becomes the target, and the authority replaces the `Host` header,
 * so it is checked as one. A request of HTTP/1.1 without `Host` stays without it, because it is invalid.
 */
export function acceptAbsoluteForm(server: Server): void {
  server.prependListener('request', rewrite).prependListener('upgrade', rewrite);
}

function rewrite(req: IncomingMessage): void {
  const parts = absoluteForm(req.method ?? '', req.url ?? '');
  if (parts === null) return;
  req.url = parts.target;
  const isInvalid = req.headers.host === undefined && req.httpVersion === '1.1';
  if (!isInvalid) req.headers.host = parts.authority;
}

/** The authority of a target in absolute form and its target in origin form; null if it has another form. */
export function absoluteForm(
  method: string,
  target: string,
): { readonly authority: string; readonly target: string } | null {
  const match = /^https?:\/\/([^/?#]*)([^]*)$/i.exec(target);
  if (match === null) return null;
  const [, authority = '', rest = ''] = match;
  if (rest === '' && method === 'OPTIONS') return { authority, target: '*' }; // RFC 9112 3.2.4
  return { authority, target: rest.startsWith('/') ? rest : `/${rest}` };
}
