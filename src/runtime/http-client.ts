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
  /** The whole call, ms. */
  readonly timeoutMs: number;
}

export interface OutboundResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** How far a call came that may be made only once. */
export type SingleCallEnd =
  | { readonly kind: 'answered'; readonly response: OutboundResponse }
  /** It ended before a byte of the request left: at the resolver, the connection, the proxy's tunnel or TLS. */
  | { readonly kind: 'not-sent'; readonly error: unknown }
  /** It ended afterwards, without a whole response: the other side may have acted on it, or not. */
  | { readonly kind: 'unknown'; readonly error: unknown };

/** DNS, TCP and TLS together. */
const CONNECT_MS = 10_000;
/** Largest body of a response. */
const RESPONSE_BYTES = 1_024 * 1_024;

const agentOptions = { connect: { timeout: CONNECT_MS }, maxResponseSize: RESPONSE_BYTES };
/** By the address of the proxy on the way; empty for none. */
const dispatchers = new Map<string, Dispatcher>();

/**
 * A call that the program makes for itself (refresh, poll), never for a client: it says who it is, honours
 * `HTTPS_PROXY`, and is bounded in time and size. Rejects when no answer came.
 */
export async function outboundCall(call: OutboundCall): Promise<OutboundResponse> {
  return await callThrough(dispatcherFor(call.url), call);
}

/**
 * The same for a call that must not be made twice unknowingly, on a connection of its own: one that was kept could be
 * dead, and would not show whether the request has reached the other side. Never rejects.
 */
export async function singleCall(call: OutboundCall): Promise<SingleCallEnd> {
  // HTTP/1.1 alone: over HTTP/2 undici sends a refused request again by itself.
  const dispatcher = newDispatcher(egressProxyFor(call.url), { allowH2: false });
  let isSent = false;
  const watched = dispatcher.compose(
    (dispatch) => (options, handler) =>
      dispatch(
        options,
        noticing(handler, () => (isSent = true)),
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

/** Tells when a request begins: undici calls `onRequestStart` on a connection that stands, before it writes the head. */
function noticing(handler: Dispatcher.DispatchHandler, onSent: () => void): Dispatcher.DispatchHandler {
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
  const answer = await request(call.url, {
    method: call.method,
    headers: { accept: 'application/json', ...call.headers, 'user-agent': `codex-pool/${VERSION}` },
    body: call.body ?? null,
    dispatcher,
    signal: AbortSignal.timeout(call.timeoutMs),
  });
  return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() };
}

/** The next call begins on a connection of its own: the idle ones may be dead without knowing it. */
export function dropOutboundConnections(): void {
  const dropped = [...dispatchers.values()];
  dispatchers.clear();
  // What runs on them may end by itself, or by its own time limit.
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
