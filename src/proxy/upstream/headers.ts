import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import type { Secret } from '../../runtime/secret.js';

/** RFC 9110 7.6.1 and RFC 9112: these speak of one connection only. `connection` names more. */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** What belongs to the client, or to its connection with us, and never goes upstream. */
export const clientOnly: ReadonlySet<string> = new Set([
  'authorization',
  'chatgpt-account-id',
  'cookie',
  'cookie2',
  'content-length',
  'expect',
  'host',
  'x-openai-account-routing-override',
  'x-openai-fedramp',
]);

/** What belongs to an account, or to its connection with upstream, and never comes down. */
export const upstreamOnly: ReadonlySet<string> = new Set([
  'set-cookie',
  'set-cookie2',
  'alt-svc',
  'strict-transport-security',
]);

/** What an account puts on each of its requests. */
export interface AccountHeaders {
  readonly accessToken: Secret;
  readonly accountId: string | null;
  readonly isFedramp: boolean;
  readonly routingOverride: string | null;
}

export interface HeaderOptions {
  /** Bytes of the body; `chunked` where the client told no length, `none` for a request without a body. */
  readonly bodyLength: number | 'chunked' | 'none';
  /** Names that this request must not carry on top of the rest. */
  readonly without: readonly string[];
}

/** The headers of an attempt: the client's own, less what is not upstream's business, plus the account's. */
export function upstreamHeaders(
  client: IncomingHttpHeaders,
  account: AccountHeaders,
  options: HeaderOptions,
): IncomingHttpHeaders {
  const named = connectionNames(client.connection);
  const headers: IncomingHttpHeaders = {};
  for (const name in client) {
    const value = client[name];
    if (value === undefined || hopByHop.has(name) || clientOnly.has(name)) continue;
    if (named.includes(name) || options.without.includes(name)) continue;
    headers[name] = value;
  }
  if (options.bodyLength === 'chunked') headers['transfer-encoding'] = 'chunked';
  else if (options.bodyLength !== 'none') headers['content-length'] = String(options.bodyLength);
  headers['authorization'] = `Bearer ${account.accessToken.reveal()}`;
  if (account.accountId !== null) headers['chatgpt-account-id'] = account.accountId;
  if (account.isFedramp) headers['x-openai-fedramp'] = 'true';
  const override = account.routingOverride;
  if (override !== null && override !== 'NO_CONSTRAINT')
    headers['x-openai-account-routing-override'] = override;
  return headers;
}

/** The headers of the client's answer: upstream's own, less what is not the client's business. */
export function clientHeaders(upstream: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = connectionNames(upstream.connection);
  const headers: OutgoingHttpHeaders = {};
  for (const name in upstream) {
    const value = upstream[name];
    if (value === undefined || hopByHop.has(name) || upstreamOnly.has(name) || named.includes(name)) continue;
    headers[name] = value;
  }
  return headers;
}

function connectionNames(connection: string | undefined): string[] {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return [];
  return connection.split(',').map((it) => it.trim().toLowerCase());
}
