import { type Agent as HttpAgent, type IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { createProxyMiddleware, proxyEventsPlugin, type RequestHandler } from 'http-proxy-middleware';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { limits } from '../../config/limits.js';
import { egressAgent } from '../../egress/egress-agent.js';
import type { Egress } from '../../egress/egress-proxy.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { hasLeft, NetworkDetector } from '../../runtime/network-detector.js';
import { SuspendDetector } from '../../runtime/suspend-detector.js';
import { canConnect, whenConnected } from '../connections/connection-probe.js';
import { KeptConnections } from '../connections/kept-connections.js';
import { withLargeHeads } from '../connections/large-heads.js';
import { SilentRequests } from '../connections/silent-requests.js';
import { type AttemptEnd, type BuiltRequest, UpstreamRequest } from './upstream-request.js';

export type UpstreamBase = 'responses' | 'wham';

interface Upstream {
  readonly forward: RequestHandler;
  readonly kept: KeptConnections;
  /** Whether a new connection can be opened now; calls at the same time share one probe. */
  readonly canConnect: () => Promise<boolean>;
  /** Path of the base address, without a trailing slash. */
  readonly basePath: string;
}

const agentOptions = {
  keepAlive: true,
  maxSockets: limits.upstreamSockets,
  maxFreeSockets: 256,
  scheduling: 'lifo',
} as const;

/** Sends single requests upstream with http-proxy-middleware. Decides nothing and retries nothing. */
@Injectable()
export class UpstreamClient implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly upstreams: Readonly<Record<UpstreamBase, Upstream>>;

  private readonly silent: SilentRequests;
  private ticking: Disposable | null = null;

  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    suspends: SuspendDetector,
    network: NetworkDetector,
  ) {
    this.upstreams = {
      responses: upstreamAt(config.responsesBase, config.egress, clock),
      wham: upstreamAt(config.whamBase, config.egress, clock),
    };
    this.silent = new SilentRequests(clock);
    suspends.onWake(() => this.dropIdleConnections());
    network.onChange((addresses) => {
      this.dropIdleConnections();
      for (const { kept } of this.all) kept.dropFrom((local) => hasLeft(local, addresses));
    });
  }

  onApplicationBootstrap(): void {
    this.ticking = this.clock.every?.(limits.connectionTickMs, () => this.check()) ?? null;
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
    const watched: Disposable[] = [];
    const isConnected = () => {
      if (connectTimer !== null) clearTimeout(connectTimer);
      connectTimer = null;
    };
    const request = new UpstreamRequest(plan, resolve, (onWire) => {
      isConnected();
      if (onWire.reusedSocket && plan.respondsSoon)
        watched.push(this.silent.watch(onWire, this.upstreams[base].canConnect, () => stop(silence(), true)));
    });
    // The library writes to this response object; the client's own is not involved until the commit.
    const detached = new ServerResponse(request);
    const stop = (why: Error, wasReused = false) => {
      request.settle({ kind: 'failed', error: why, wasReused });
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
    for (const it of watched) it[Symbol.dispose]();
    const finished = () => signal.removeEventListener('abort', onAbort);
    if (end.kind === 'responded') end.response.once('close', finished);
    else finished();
    return end;
  }

  /** The connections to a base address, and the egress proxy to it. */
  agentOf(base: UpstreamBase): HttpAgent {
    return this.upstreams[base].kept.agent;
  }

  /** Closes idle connections, which may be dead unnoticed; connections in use stay open. */
  dropIdleConnections(): void {
    for (const { kept } of this.all) kept.dropIdle();
  }

  onApplicationShutdown(): void {
    this.ticking?.[Symbol.dispose]();
    for (const { kept } of this.all) kept.agent.destroy();
  }

  private get all(): readonly Upstream[] {
    return Object.values(this.upstreams);
  }

  private check(): void {
    for (const { kept } of this.all) kept.dropIdle(limits.idleConnectionMs);
    this.silent.check();
  }
}

function upstreamAt(base: URL, egress: Egress, clock: Clock): Upstream {
  const agent = withLargeHeads(egressAgent(egress, base, agentOptions));
  const forward = createProxyMiddleware({
    // The library would parse a text for each request, and without a filter the path.
    target: new URL(base.origin),
    pathFilter: () => true,
    agent,
    changeOrigin: true,
    selfHandleResponse: true,
    proxyTimeout: limits.idleStreamMs,
    // Only the event plugin is used: the other default plugins log addresses and write error pages.
    ejectPlugins: true,
    plugins: [proxyEventsPlugin],
    on: {
      proxyReq: (proxyReq, request) => {
        const upstream = settling(request);
        upstream.onWire = proxyReq;
        // An invalid response, such as an unrequested upgrade, ends without an error event.
        proxyReq.once('close', () => {
          // An error costs a stack trace, so none is made for the usual end.
          if (!upstream.isSettled) upstream.settle(failed(upstream, new Error('upstream hung up')));
        });
        whenConnected(proxyReq, () => upstream.connected(proxyReq));
      },
      proxyRes: (response, request) =>
        settling(request).settle({ kind: 'responded', response, at: performance.now() }),
      error: (error, request) => endAsFailed(settling(request), error),
      econnreset: (error, request) => endAsFailed(settling(request), error),
    },
  });
  let probe: Promise<boolean> | null = null;
  return {
    forward,
    kept: new KeptConnections(agent, clock),
    canConnect: () => (probe ??= canConnect(base, egress).finally(() => (probe = null))),
    basePath: base.pathname.replace(/\/+$/, ''),
  };
}

/** The library returns the same request object that it was given. */
function settling(request: IncomingMessage): UpstreamRequest {
  if (request instanceof UpstreamRequest) return request;
  throw new TypeError('http-proxy-middleware returned a different request than it was given');
}

function endAsFailed(request: UpstreamRequest, error: unknown): void {
  request.settle(failed(request, error));
}

function failed({ onWire }: UpstreamRequest, error: unknown): AttemptEnd {
  const wasReused = onWire?.reusedSocket ?? false;
  const cause = error instanceof Error ? error : new Error('the request was not forwarded', { cause: error });
  return { kind: 'failed', error: cause, wasReused };
}

function silence(): Error {
  return Object.assign(new Error(`no byte within ${limits.silentMs} ms on a reused connection`), {
    code: 'ETIMEDOUT',
  });
}

function connectTimeout(): Error {
  return Object.assign(new Error(`no connection within ${limits.connectMs} ms`), { code: 'ETIMEDOUT' });
}
