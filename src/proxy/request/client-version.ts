import type { IncomingHttpHeaders } from 'node:http';

/** The first three numbers: the client drops `-alpha.4` in its query (docs/protocol.md, models). */
const VERSION = /^(\d{1,9}\.\d{1,9}\.\d{1,9})(?![\d.])/;

/**
 * Returns the version of the client, such as `0.169.0`: from `client_version` in the query, else from the header
 * `version`, else from the first product of the user agent. Null if it names none.
 */
export function clientVersion(query: string, headers: IncomingHttpHeaders): string | null {
  const { version, 'user-agent': agent = '' } = headers;
  return versionIn(query) ?? inWhole(version) ?? inWhole(/^[^/]{1,64}\/(\S*)/.exec(agent)?.[1]);
}

/** Returns the version in `client_version` of a query; null if it names none. */
export function versionIn(query: string): string | null {
  return query === '' ? null : inWhole(new URLSearchParams(query).get('client_version'));
}

/** Returns the newer of two versions, each of three numbers. */
export function newerVersion(one: string, other: string): string {
  const [numbers, others] = [one.split('.').map(Number), other.split('.').map(Number)];
  const at = numbers.findIndex((it, index) => it !== others[index]);
  return at === -1 || (numbers[at] ?? 0) > (others[at] ?? 0) ? one : other;
}

function inWhole(text: unknown): string | null {
  return typeof text === 'string' ? (VERSION.exec(text)?.[1] ?? null) : null;
}
