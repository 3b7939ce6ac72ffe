/** Returns the path of the next page that a `Link` header names (RFC 8288), on this origin; null if there is none. */
export function nextPage(headers: Headers | null): string | null {
  const found = /<(\/[^/>\\][^>]*)>\s*;\s*rel="?next"?/i.exec(headers?.get('link') ?? '');
  return found?.[1] ?? null;
}
