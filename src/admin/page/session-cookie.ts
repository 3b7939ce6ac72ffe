import { limits } from '../../config/limits.js';

const NAME = 'codex-pool-session';

/** Returns the id of the session in a `Cookie` header; null without one. */
export function sessionIdIn(cookies: string | undefined): string | null {
  for (const pair of (cookies ?? '').split(';')) {
    const [name, value] = pair.trim().split('=', 2);
    if (name === NAME && value !== undefined && /^[\w-]{43}$/.test(value)) return value;
  }
  return null;
}

/** Returns the `Set-Cookie` that begins a session. `isSecure`: the browser speaks TLS, to a reverse proxy before us. */
export function sessionCookie(id: string, isSecure: boolean): string {
  return cookie(id, Math.round(limits.pageSessionMs / 1_000), isSecure);
}

/** Returns the `Set-Cookie` that removes the cookie. */
export function endedCookie(isSecure: boolean): string {
  return cookie('', 0, isSecure);
}

function cookie(value: string, seconds: number, isSecure: boolean): string {
  const secure = isSecure ? '; Secure' : '';
  return `${NAME}=${value}; Path=/; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure}`;
}
