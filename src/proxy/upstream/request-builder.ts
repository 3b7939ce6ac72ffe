import type { Account } from '../../accounts/account.js';
import type { Secret } from '../../runtime/secret.js';
import type { BuiltRequest } from './upstream-request.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import type { RequestBody } from '../request/request-body.js';
import type { UpstreamSocket } from '../socket/upstream-socket.js';
import type { UpstreamBase } from './upstream-client.js';
import { upstreamHeaders } from './headers.js';
import { withoutCredentials } from './query.js';

/** Methods that may be repeated (RFC 9110 9.2.1). Others may take long, and a repeat would do their work twice. */
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/** How an attempt uses WebSockets. */
export interface SocketUse {
  /** Carries the message if it is open and belongs to the attempt's account. Otherwise a socket is opened. */
  readonly carrier: UpstreamSocket | null;
  /** Called with the socket that the message was sent on. */
  readonly onSent: (upstream: UpstreamSocket) => void;
}

/** The target of an attempt, and the parts of the client's request it omits. */
export interface Destination {
  readonly base: UpstreamBase;
  /** Path below the base address, without leading slash and query. */
  readonly path: string;
  /** How the attempt uses WebSockets; null over HTTP. */
  readonly socket: SocketUse | null;
  /** Whether the stream is held until its first output, so that a refusal inside it is seen in time. */
  readonly isTurn: boolean;
  /** Client headers to omit. */
  readonly without: readonly string[];
  /** Body, or message on a WebSocket, to send instead of the client's, without content encoding; null sends the client's own. */
  readonly bodyInstead: Buffer | null;
  /** Method and query (with its question mark) to send instead of the client's; left out: the client's own. */
  readonly asked?: { readonly method: string; readonly query: string };
  /** Time limit for the whole exchange, ms; null if only the idle limits apply. */
  readonly withinMs: number | null;
}

/** Builds the upstream request (`url`: path and query) from a client's request and an account's credentials. */
export function buildRequest(
  request: ProxyRequest,
  account: Account,
  to: Destination,
  token: Secret,
  path: string,
): BuiltRequest {
  const { bodyInstead, asked = request } = to;
  const body = to.socket === null ? bodyOf(request, bodyInstead) : null;
  const headers = upstreamHeaders(request.headers, accountHeaders(account, token), {
    bodyLength: bodyLength(body, request),
    without: bodyInstead === null ? to.without : [...to.without, 'content-encoding'],
  });
  const respondsSoon = to.isTurn ? to.path === 'responses' : safeMethods.has(asked.method);
  return { method: asked.method, url: path + withoutCredentials(asked.query), headers, body, respondsSoon };
}

function bodyOf(request: ProxyRequest, bodyInstead: Buffer | null): RequestBody | null {
  return bodyInstead === null ? request.body : { kind: 'kept', bytes: bodyInstead };
}

function accountHeaders(account: Account, accessToken: Secret) {
  const { accountId, isFedramp } = account.storedCredential.credential;
  return { accessToken, accountId, isFedramp, routingOverride: account.routingOverride };
}

function bodyLength(body: RequestBody | null, request: ProxyRequest): number | 'chunked' | 'none' {
  if (body === null) return 'none';
  if (body.kind === 'kept') return body.bytes.length;
  const told = request.header('content-length');
  return told === null ? 'chunked' : Number(told);
}
