import type { IncomingHttpHeaders } from 'node:http';

/** The first three numbers: the client drops `-alpha.4` in its query (docs/protocol.md, models). */
const VERSION = /^(\d{1,9}\.\d{1,9}\.\d{1,9})(?![\d.])/;

/**
 * Returns the version of the client, such as `0.169.0`: from `client_version` in the query, else from the header
 * `version`, else from the first product of the user agent. Null if it names none.
 */
export function clientVersion(query: string, headers: IncomingHttpHeaders): string | null {
  const inQuery = query === '' ? null : new URLSearchParams(query).get('client_version');
  const { version, 'user-agent': agent = '' } = headers;
  return inWhole(inQuery) ?? inWhole(version) ?? inWhole(/^[^/]{1,64}\/(\S*)/.exec(agent)?.[1]);
}

function inWhole(text: unknown): string | null {
  return typeof text === 'string' ? (VERSION.exec(text)?.[1] ?? null) : null;
}
