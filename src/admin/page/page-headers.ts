/**
 * Headers of each HTML response. The policy admits only our own files and calls to our own origin: an account's name
 * that became markup could neither run nor load anything. `form-action` is for the form that asks for the token.
 */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-store',
  vary: 'accept',
};

/**
 * Headers of the form that asks for the token. Without a referrer a browser sends the form with `Origin: null`, which
 * the boundary refuses.
 */
export const signInHeaders: Readonly<Record<string, string>> = {
  ...pageHeaders,
  'referrer-policy': 'same-origin',
};

/** Paths of the page. */
export const pagePaths: ReadonlySet<string> = new Set(['/', '/dashboard']);

/** Whether a client asks for HTML by name, as browsers do. curl, which takes anything, gets text. */
export function wantsHtml(accept: string | undefined): boolean {
  return /\btext\/html\b/i.test(accept ?? '');
}
