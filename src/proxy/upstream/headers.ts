import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import { limits } from '../../config/limits.js';
import type { Secret } from '../../runtime/secret.js';

/** Headers of a single connection (RFC 9110 7.6.1 and RFC 9112); the `connection` header names more. */
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

/** Headers of the client or of its connection to the proxy; never sent upstream. */
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

/**
 * Headers that tunnels, edges and reverse proxies in front of this program add; never sent upstream. They tell where a
 * request comes from, and some carry a login of that service. A name that ends in `*` stands for all names that begin
 * like it.
 */
export const addedOnTheWay: readonly string[] = [
  // Standard ones, and those that many servers share.
  'forwarded',
  'forwarded-*',
  'via',
  'cdn-loop',
  'client-ip',
  'front-end-https',
  'remote-user',
  'true-client-ip',
  'x-auth-request-*',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-forwarded',
  'x-forwarded-*',
  'x-original-*',
  'x-queue-start',
  'x-real-*',
  'x-remote-*',
  'x-request-start',
  'x-rewrite-url',
  'x-scheme',
  'x-ssl-*',
  'x-url-scheme',
  // Those of single services.
  'akamai-*',
  'cf-*',
  'cloudfront-*',
  'fastly-*',
  'fly-*',
  'ngrok-*',
  'rndr-id',
  'tailscale-*',
  'x-akamai-*',
  'x-amz-*',
  'x-amzn-*',
  'x-appengine-*',
  'x-appgw-*',
  'x-arr-*',
  'x-azure-*',
  'x-cloud-trace-context',
  'x-envoy-*',
  'x-goog-*',
  'x-ms-*',
  'x-nf-*',
  'x-railway-*',
  'x-tunnel-*',
  'x-vercel-*',
];

/** Credentials of other services, which other clients send; never sent upstream. */
export const otherCredentials: ReadonlySet<string> = new Set([
  'api-key',
  'apikey',
  'ocp-apim-subscription-key',
  'openai-organization',
  'openai-project',
  'x-access-token',
  'x-api-key',
  'x-auth-token',
]);

const isAddedOnTheWay = matcherOf(addedOnTheWay);

/** Browsers cannot set headers on a WebSocket, so OpenAI's libraries offer their credentials as subprotocols. */
const credentialProtocol = /^openai-(insecure-api-key|organization|project)\./i;

/** Headers of an account or of its connection to upstream; never sent to the client. */
export const upstreamOnly: ReadonlySet<string> = new Set([
  'set-cookie',
  'set-cookie2',
  'alt-svc',
  'strict-transport-security',
]);

/** Headers that an account sets on each of its requests. */
export interface AccountHeaders {
  readonly accessToken: Secret;
  readonly accountId: string | null;
  readonly isFedramp: boolean;
  readonly routingOverride: string | null;
}

export interface HeaderOptions {
  /** Length of the body in bytes; `chunked` if the client sent no length, `none` for a request without a body. */
  readonly bodyLength: number | 'chunked' | 'none';
  /** Names of further headers to drop from this request. */
  readonly without: readonly string[];
}

/** The headers of an attempt: the client's headers, minus those upstream must not see, plus the account's. */
export function upstreamHeaders(
  client: IncomingHttpHeaders,
  account: AccountHeaders,
  options: HeaderOptions,
): IncomingHttpHeaders {
  const named = connectionNames(client.connection);
  const headers: IncomingHttpHeaders = {};
  for (const name in client) {
    const value = client[name];
    if (value === undefined || staysHere(name)) continue;
    if (named.includes(name) || options.without.includes(name)) continue;
    headers[name] = value;
  }
  const offered = headers['sec-websocket-protocol'];
  if (offered !== undefined) {
    delete headers['sec-websocket-protocol'];
    Object.assign(headers, protocolHeader(offered));
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

/** The headers for the client: upstream's headers, minus those the client must not see. */
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

/** Names already compared with the lists: a client sends the same ones with every request. */
const judged = new Map<string, boolean>();

/** Whether a header of the client is never sent upstream. */
function staysHere(name: string): boolean {
  const known = judged.get(name);
  if (known !== undefined) return known;
  const stays =
    hopByHop.has(name) || clientOnly.has(name) || otherCredentials.has(name) || isAddedOnTheWay(name);
  if (judged.size < limits.judgedHeaders) judged.set(name, stays);
  return stays;
}

/** Compares a name in lower case with a list whose entries may end in `*`. */
function matcherOf(names: readonly string[]): (name: string) => boolean {
  const alternatives = names.map((it) => (it.endsWith('*') ? it.replace('*', '.+') : it));
  const pattern = new RegExp(`^(?:${alternatives.join('|')})$`, 's');
  return (name) => pattern.test(name);
}

/** The header that offers the client's subprotocols, except those that are its credentials; empty if none is left. */
function protocolHeader(offered: string): IncomingHttpHeaders {
  const names = offered.split(',').map((it) => it.trim());
  const kept = names.filter((it) => it !== '' && !credentialProtocol.test(it));
  return kept.length === 0 ? {} : { 'sec-websocket-protocol': kept.join(', ') };
}

function connectionNames(connection: string | undefined): string[] {
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return [];
  return connection.split(',').map((it) => it.trim().toLowerCase());
}
