import { Secret } from '../runtime/secret.js';

/** Where the browser comes back to, on our listener. */
export const CALLBACK_PATH = '/auth/callback';

/** What the browser brings back. Everything in it comes from outside, and nothing of it is told on. */
export type Callback =
  | { readonly kind: 'code'; readonly state: Secret; readonly code: Secret }
  | { readonly kind: 'refused'; readonly state: Secret; readonly isDenied: boolean }
  | { readonly kind: 'unreadable' };

/** Reads the query of a callback. A parameter that is there twice counts as none. */
export function readCallback(query: URLSearchParams): Callback {
  const state = single(query, 'state');
  const code = single(query, 'code');
  const error = single(query, 'error');
  if (state === null || (code === null) === (error === null)) return { kind: 'unreadable' };
  if (code !== null) return { kind: 'code', state: new Secret(state), code: new Secret(code) };
  return { kind: 'refused', state: new Secret(state), isDenied: error === 'access_denied' };
}

/** The query of a whole callback address that a person has pasted; null when it is no such address. */
export function queryOfPasted(text: string): URLSearchParams | null {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : null;
  return url !== null && url.protocol === 'http:' && url.pathname === CALLBACK_PATH ? url.searchParams : null;
}

function single(query: URLSearchParams, name: string): string | null {
  const [value, ...more] = query.getAll(name);
  return value === undefined || value === '' || more.length > 0 ? null : value;
}
