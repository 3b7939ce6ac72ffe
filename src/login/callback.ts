import { Secret } from '../runtime/secret.js';

/** Path of callbacks on our listener. */
export const CALLBACK_PATH = '/auth/callback';

/** The parameters of a callback. They are untrusted input, and none of them is logged or repeated. */
export type Callback =
  | { readonly kind: 'code'; readonly state: Secret; readonly code: Secret }
  | { readonly kind: 'refused'; readonly state: Secret; readonly isDenied: boolean }
  | { readonly kind: 'unreadable' };

/** Reads the query of a callback. A parameter that occurs twice counts as missing. */
export function readCallback(query: URLSearchParams): Callback {
  const state = single(query, 'state');
  const code = single(query, 'code');
  const error = single(query, 'error');
  if (state === null || (code === null) === (error === null)) return { kind: 'unreadable' };
  if (code !== null) return { kind: 'code', state: new Secret(state), code: new Secret(code) };
  return { kind: 'refused', state: new Secret(state), isDenied: error === 'access_denied' };
}

/** Returns the query of a complete callback address that a user has pasted; null for any other text. */
export function queryOfPasted(text: string): URLSearchParams | null {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : null;
  return url !== null && url.protocol === 'http:' && url.pathname === CALLBACK_PATH ? url.searchParams : null;
}

function single(query: URLSearchParams, name: string): string | null {
  const [value, ...more] = query.getAll(name);
  return value === undefined || value === '' || more.length > 0 ? null : value;
}
