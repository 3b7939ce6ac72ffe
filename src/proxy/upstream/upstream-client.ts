import { Agent as HttpAgent, ServerResponse } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { ClientRequest, IncomingMessage } from 'node:http';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { createProxyMiddleware, proxyEventsPlugin, type RequestHandler } from 'http-proxy-middleware';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { limits } from '../../config/limits.js';
import { egressProxyFor } from '../../runtime/egress-proxy.js';
import { SuspendDetector } from '../../runtime/suspend-detector.js';
import { withLargeHeads } from './large-heads.js';
import { type AttemptEnd, type BuiltRequest, UpstreamRequest } from './upstream-request.js';

export type UpstreamBase = 'responses' | 'wham';

interface Upstream {
  readonly forward: RequestHandler;
  readonly agent: HttpAgent;
  /** Path of the base address, without a trailing slash. */
  readonly basePath: string;
}

/** Requests in flight, to distinguish a broken reused connection from a new one. */
const underWay = new WeakMap<IncomingMessage, ClientRequest>();

/** Sends single requests upstream with http-proxy-middleware. Decides nothing and retries nothing. */
@Injectable()
export class UpstreamClient implements OnApplicationShutdown {
  private readonly upstreams: Readonly<Record<UpstreamBase, Upstream>>;

  constructor(@Inject(APP_CONFIG) config: AppConfig, sleep: SuspendDetector) {
    this.upstreams = { responses: upstreamAt(config.responsesBase), wham: upstreamAt(config.whamBase) };
    sleep.onWake(() => this.dropIdleConnections());
  }

  /** The path of a request: the base address's path, then `path` (with query, without leading slash). */
  urlOf(base: UpstreamBase, path: string): string {
    return `${this.upstreams[base].basePath}/${path}`;
  }

  /**
   * Sends one request and resolves with the response head, or with the error that prevented one. `signal` stops the
   * attempt at any time, also while the response is read. The caller reads the body.
   */
  async attempt(base: UpstreamBase, plan: BuiltRequest, signal: AbortSignal): Promise<AttemptEnd> {
    const { promise, resolve } = Promise.withResolvers<AttemptEnd>();
    let connectTimer: NodeJS.Timeout | null = null;
    const isConnected = () => {
      if (connectTimer !== null) clearTimeout(connectTimer);
      connectTimer = null;
    };
    const request = new UpstreamRequest(plan, resolve, isConnected);
    // The library writes to this response object; the client's own is not involved until the commit.
    const detached = new ServerResponse(request);
    const stop = (why: Error) => {
      resolve({ kind: 'failed', error: why, wasReused: false });
      detached.emit('close'); // the library stops its request on this event
    };
    connectTimer = setTimeout(() => stop(connectTimeout()), limits.connectMs);
    const onAbort = () => stop(new Error('the client has left'));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else
      void this.upstreams[base].forward(request, detached, (error) => request.settle(failed(request, error)));
    const end = await promise;
    isConnected();
    const finished = () => signal.removeEventListener('abort', onAbort);
    if (end.kind === 'responded') end.response.once('close', finished);
    else finished();
    return end;
  }

  /** The connections to a base address, and the egress proxy to it. */
  agentOf(base: UpstreamBase): HttpAgent {
    return this.upstreams[base].agent;
  }

  /** Closes idle connections, which may be dead unnoticed; connections in use stay open. */
  dropIdleConnections(): void {
    for (const { agent } of Object.values(this.upstreams)) {
      const idle = Object.values(agent.freeSockets).flatMap((it) => it ?? []);
      for (const socket of idle) socket.destroy();
    }
  }

  onApplicationShutdown(): void {
    for (const { agent } of Object.values(this.upstreams)) agent.destroy();
  }
}

function upstreamAt(base: URL): Upstream {
  const agent = withLargeHeads(agentFor(base));
  const forward = createProxyMiddleware({
    target: base.origin,
    agent,
    changeOrigin: true,
    selfHandleResponse: true,
    proxyTimeout: limits.idleStreamMs,
    // Only the event plugin is used: the other default plugins log addresses and write error pages.
    ejectPlugins: true,
    plugins: [proxyEventsPlugin],
    on: {
      proxyReq: (proxyReq, request) => {
        underWay.set(request, proxyReq);
        // An invalid response, such as an unrequested upgrade, ends without an error event.
        proxyReq.once('close', () =>
          settling(request).settle(failed(request, new Error('upstream hung up'))),
        );
        whenConnected(proxyReq, () => settling(request).connected());
      },
      proxyRes: (response, request) =>
        settling(request).settle({ kind: 'responded', response, at: performance.now() }),
      error: (error, request) => settling(request).settle(failed(request, error)),
      econnreset: (error, request) => settling(request).settle(failed(request, error)),
    },
  });
  return { forward, agent, basePath: base.pathname.replace(/\/+$/, '') };
}

function agentFor(base: URL): HttpAgent {
  const options = {
    keepAlive: true,
    maxSockets: limits.upstreamSockets,
    maxFreeSockets: 256,
    scheduling: 'lifo',
  } as const;
  const proxy = egressProxyFor(base);
  if (proxy !== null) return tunnelling(new HttpsProxyAgent(proxy, options));
  return base.protocol === 'https:' ? new HttpsAgent(options) : new HttpAgent(options);
}

/** A refusal by the egress proxy says nothing about an account, but would be read as upstream's. */
function tunnelling(agent: HttpAgent): HttpAgent {
  return agent.on('proxyConnect', ({ statusCode }: { statusCode: number }, request: ClientRequest) => {
    if (statusCode !== 200) request.destroy(new Error(`the egress proxy responded with ${statusCode}`));
  });
}

function whenConnected(proxyReq: ClientRequest, connected: () => void): void {
  const { socket } = proxyReq;
  if (socket === null) return;
  if ('secureConnecting' in socket && socket.secureConnecting === true)
    socket.once('secureConnect', connected);
  else if (socket.connecting) socket.once('connect', connected);
  else connected();
}

/** The library returns the same request object that it was given. */
function settling(request: IncomingMessage): UpstreamRequest {
  if (request instanceof UpstreamRequest) return request;
  throw new TypeError('http-proxy-middleware returned a different request than it was given');
}

function failed(request: IncomingMessage, error: unknown): AttemptEnd {
  const wasReused = underWay.get(request)?.reusedSocket ?? false;
  const cause = error instanceof Error ? error : new Error('the request was not forwarded', { cause: error });
  return { kind: 'failed', error: cause, wasReused };
}

function connectTimeout(): Error {
  return Object.assign(new Error(`no connection within ${limits.connectMs} ms`), { code: 'ETIMEDOUT' });
}
