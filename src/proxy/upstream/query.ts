/** Parameters in which other services take a credential, in lower case. */
export const credentialParameters: ReadonlySet<string> = new Set([
  'access_token',
  'api-key',
  'api_key',
  'apikey',
  'key',
]);

/**
 * The query of a request (with its question mark; empty without one) for upstream: without credentials of other
 * services, and otherwise byte for byte.
 */
export function withoutCredentials(query: string): string {
  const pairs = query.slice(1).split('&');
  const kept = pairs.filter((it) => !credentialParameters.has(nameOf(it)));
  if (kept.length === pairs.length) return query;
  return kept.length === 0 ? '' : `?${kept.join('&')}`;
}

/** The decoded name of a parameter, in lower case; as it is if its escapes are malformed. */
function nameOf(pair: string): string {
  const name = pair.split('=', 1)[0] ?? '';
  try {
    return decodeURIComponent(name).toLowerCase();
  } catch {
    return name.toLowerCase();
  }
}
