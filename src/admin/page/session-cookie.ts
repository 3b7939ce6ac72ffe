import type { IncomingMessage } from 'node:http';
import { limits } from '../../config/limits.js';

type Asking = Pick<IncomingMessage, 'headers' | 'socket'>;

/** Returns the id of the session in the cookies of a request; null without one. */
export function sessionIdIn(req: Asking): string | null {
  const wanted = nameFor(req);
  for (const pair of (req.headers.cookie ?? '').split(';')) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === wanted && value !== undefined && /^[\w-]{43}$/.test(value)) return value;
  }
  return null;
}

/** Returns the `Set-Cookie` that begins a session. `isSecure`: the browser speaks TLS, to a reverse proxy before us. */
export function sessionCookie(req: Asking, id: string, isSecure: boolean): string {
  return cookie(nameFor(req), id, Math.round(limits.pageSessionMs / 1_000), isSecure);
}

/** Returns the `Set-Cookie` that removes the cookie. */
export function endedCookie(req: Asking, isSecure: boolean): string {
  return cookie(nameFor(req), '', 0, isSecure);
}

/**
 * Returns the name of the cookie. Cookies ignore ports (RFC 6265, 8.5): without the port in its name, another codex-pool
 * on the same host would overwrite it. The browser's port counts, which a container may map; else the one we listen on.
 */
function nameFor({ headers, socket }: Asking): string {
  const port = /:(\d{1,5})$/.exec(headers.host ?? '')?.[1] ?? socket.localPort ?? 0;
  return `codex-pool-session-${port}`;
}

function cookie(name: string, value: string, seconds: number, isSecure: boolean): string {
  const secure = isSecure ? '; Secure' : '';
  return `${name}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
}
