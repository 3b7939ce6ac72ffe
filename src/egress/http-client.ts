import type { buildConnector, Dispatcher } from 'undici';
import { VERSION } from '../runtime/version.js';
import { type Egress, type EgressProxy, egressProxyFor } from './egress-proxy.js';
import { openTunnel } from './tunnel.js';

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

/** Loaded by the first call: a start does without its hundred modules. */
type Undici = typeof import('undici');
const undici = async (): Promise<Undici> => await import('undici');

/** DNS, TCP and TLS together. */
const CONNECT_MS = 10_000;
/** Largest head of a response. */
const HEAD_BYTES = 64 * 1_024;
/** Longest idle time of a kept connection, whatever the server promises. */
const IDLE_MS = 30_000;
/** Largest body of a response. */
const RESPONSE_BYTES = 1_024 * 1_024;

/**
 * Makes calls on the program's own behalf (refresh, poll, login), never for a client. They identify themselves, go
 * through the egress proxy if there is one, and are bounded in time and size.
 */
export class OutboundHttpClient {
  /** By proxy; null means direct connections. */
  private readonly dispatchers = new Map<EgressProxy | null, Dispatcher>();

  constructor(private readonly egress: Egress) {}

  /** Makes a call on a pooled connection. Rejects without a response. */
  async call(call: OutboundCall): Promise<OutboundResponse> {
    const library = await undici();
    return await callThrough(library, this.dispatcherFor(library, call.url), call);
  }

  /**
   * Makes a call that must not be repeated accidentally. It gets its own connection: a pooled one could be dead without
   * showing whether the request has reached the server. Never rejects.
   */
  async callOnce(call: OutboundCall): Promise<SingleCallEnd> {
    // HTTP/1.1 only: over HTTP/2, undici resends a refused request by itself.
    const library = await undici();
    const dispatcher = newDispatcher(library, egressProxyFor(this.egress, call.url), false);
    let isSent = false;
    const watched = dispatcher.compose(
      (dispatch) => (options, handler) =>
        dispatch(
          options,
          reportingStart(handler, () => (isSent = true)),
        ),
    );
    try {
      return { kind: 'answered', response: await callThrough(library, watched, call) };
    } catch (error) {
      return { kind: isSent ? 'unknown' : 'not-sent', error };
    } finally {
      await dispatcher.destroy();
    }
  }

  /** Makes the next call open a new connection, because idle ones may be dead. */
  dropConnections(): void {
    const dropped = [...this.dispatchers.values()];
    this.dispatchers.clear();
    // Running calls finish by themselves or reach their time limit.
    for (const dispatcher of dropped) void dispatcher.close().catch(() => undefined);
  }

  private dispatcherFor(library: Undici, target: URL): Dispatcher {
    const proxy = egressProxyFor(this.egress, target);
    const known = this.dispatchers.get(proxy);
    if (known !== undefined) return known;
    const made = newDispatcher(library, proxy, true);
    this.dispatchers.set(proxy, made);
    return made;
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

async function callThrough(
  { request }: Undici,
  dispatcher: Dispatcher,
  call: OutboundCall,
): Promise<OutboundResponse> {
  const response = await request(call.url, {
    method: call.method,
    headers: { accept: 'application/json', ...call.headers, 'user-agent': `codex-pool/${VERSION}` },
    body: call.body ?? null,
    dispatcher,
    signal: AbortSignal.timeout(call.timeoutMs),
  });
  return { status: response.statusCode, headers: response.headers, text: await response.body.text() };
}

function newDispatcher(library: Undici, proxy: EgressProxy | null, allowH2: boolean): Dispatcher {
  const connect = proxy === null ? { timeout: CONNECT_MS } : tunnelConnector(library, proxy, allowH2);
  return new library.Agent({
    connect,
    allowH2,
    keepAliveMaxTimeout: IDLE_MS,
    maxResponseSize: RESPONSE_BYTES,
    maxHeaderSize: HEAD_BYTES,
  });
}

/** Opens undici's connections through the same tunnels as those of turns. */
function tunnelConnector(library: Undici, proxy: EgressProxy, allowH2: boolean): buildConnector.connector {
  const connectInside = library.buildConnector({ timeout: CONNECT_MS, allowH2 });
  return (options, callback) => {
    const isSecure = options.protocol === 'https:';
    const host = options.hostname.replace(/^\[|\]$/g, '');
    const port = Number(options.port === '' ? (isSecure ? 443 : 80) : options.port);
    openTunnel(proxy, { host, port }).then(
      (httpSocket) => {
        if (isSecure) connectInside({ ...options, httpSocket }, callback);
        else callback(null, httpSocket);
      },
      (error: unknown) => callback(error instanceof Error ? error : new Error('no tunnel'), null),
    );
  };
}
