import { readFileSync } from 'node:fs';
import { Agent, type Dispatcher, ProxyAgent, request } from 'undici';
import { egressProxyFor } from './egress-proxy.js';

export const VERSION: string = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
).version;

export interface OutboundCall {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Time limit of the whole call, ms. */
  readonly timeoutMs: number;
}

export interface OutboundResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** How far a call got that must not be repeated. */
export type SingleCallEnd =
  | { readonly kind: 'answered'; readonly response: OutboundResponse }
  /** It failed before the request was sent: at the resolver, the connection, the proxy's tunnel or TLS. */
  | { readonly kind: 'not-sent'; readonly error: unknown }
  /** It failed later, without a complete response: the server may or may not have acted on it. */
  | { readonly kind: 'unknown'; readonly error: unknown };

/** DNS, TCP and TLS together. */
const CONNECT_MS = 10_000;
/** Largest body of a response. */
const RESPONSE_BYTES = 1_024 * 1_024;

/** Largest head of a response. */
const HEAD_BYTES = 64 * 1_024;

const agentOptions = {
  connect: { timeout: CONNECT_MS },
  maxResponseSize: RESPONSE_BYTES,
  maxHeaderSize: HEAD_BYTES,
};
/** By proxy address; an empty key means a direct connection. */
const dispatchers = new Map<string, Dispatcher>();

/**
 * Makes a call on the program's own behalf (refresh, poll), never for a client. Identifies itself, honours
 * `HTTPS_PROXY`, and is bounded in time and size. Rejects without a response.
 */
export async function outboundCall(call: OutboundCall): Promise<OutboundResponse> {
  return await callThrough(dispatcherFor(call.url), call);
}

/**
 * Makes a call that must not be repeated accidentally. It gets its own connection: a pooled one could be dead without
 * showing whether the request has reached the server. Never rejects.
 */
export async function singleCall(call: OutboundCall): Promise<SingleCallEnd> {
  // HTTP/1.1 only: over HTTP/2, undici resends a refused request by itself.
  const dispatcher = newDispatcher(egressProxyFor(call.url), { allowH2: false });
  let isSent = false;
  const watched = dispatcher.compose(
    (dispatch) => (options, handler) =>
      dispatch(
        options,
        reportingStart(handler, () => (isSent = true)),
      ),
  );
  try {
    return { kind: 'answered', response: await callThrough(watched, call) };
  } catch (error) {
    return { kind: isSent ? 'unknown' : 'not-sent', error };
  } finally {
    await dispatcher.destroy();
  }
}

/** Reports the start of a request: undici calls `onRequestStart` once connected, before it writes the head. */
function reportingStart(handler: Dispatcher.DispatchHandler, onSent: () => void): Dispatcher.DispatchHandler {
  return {
    onRequestStart(controller, context) {
      onSent();
      handler.onRequestStart?.(controller, context);
    },
    onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
    onResponseStart: (...args) => handler.onResponseStart?.(...args),
    onResponseData: (...args) => handler.onResponseData?.(...args),
    onResponseEnd: (...args) => handler.onResponseEnd?.(...args),
    onResponseError: (...args) => handler.onResponseError?.(...args),
  };
}

async function callThrough(dispatcher: Dispatcher, call: OutboundCall): Promise<OutboundResponse> {
  const response = await request(call.url, {
    method: call.method,
    headers: { accept: 'application/json', ...call.headers, 'user-agent': `codex-pool/${VERSION}` },
    body: call.body ?? null,
    dispatcher,
    signal: AbortSignal.timeout(call.timeoutMs),
  });
  return { status: response.statusCode, headers: response.headers, text: await response.body.text() };
}

/** Makes the next call open a new connection, because idle ones may be dead. */
export function dropOutboundConnections(): void {
  const dropped = [...dispatchers.values()];
  dispatchers.clear();
  // Running calls finish by themselves or reach their time limit.
  for (const dispatcher of dropped) void dispatcher.close().catch(() => undefined);
}

function dispatcherFor(target: URL): Dispatcher {
  const proxy = egressProxyFor(target);
  const known = dispatchers.get(proxy ?? '');
  if (known !== undefined) return known;
  const made = newDispatcher(proxy);
  dispatchers.set(proxy ?? '', made);
  return made;
}

function newDispatcher(proxy: string | null, more: { readonly allowH2?: boolean } = {}): Dispatcher {
  const options = { ...agentOptions, ...more };
  return proxy === null ? new Agent(options) : new ProxyAgent({ ...options, uri: proxy });
}
