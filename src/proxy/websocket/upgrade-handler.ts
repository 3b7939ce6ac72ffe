import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { Socket } from 'node:net';
import { Inject, Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { whyRefused } from '../../boundary/request-guard.js';
import { Drain } from '../../runtime/drain.js';
import { Faults } from '../../observability/faults.js';
import { metricNames } from '../../observability/metrics.js';
import { ClientConnections, type HandedOver } from '../ingress/client-connections.js';
import { notFound, type LocalResponse, sendLocalResponse } from '../response/local-response.js';
import { ClientObserver } from '../../clients/client-observer.js';
import { mayUse, wrongToken } from '../ingress/client-token.js';
import { stopping } from '../ingress/proxy.middleware.js';
import { routeOf } from '../ingress/routes.js';
import { Handshake } from './handshake.js';

const badHandshake: LocalResponse = {
  status: 400,
  code: 'bad_websocket_handshake',
  type: 'invalid_request',
  message: 'A WebSocket needs Sec-WebSocket-Version 13, a Sec-WebSocket-Key, and no body (RFC 6455).',
  headers: { 'sec-websocket-version': '13' },
};

/** WebSockets in: the same doors as for every other request, before one is opened. */
@Injectable()
export class UpgradeHandler {
  /** Connections without an answer as yet. */
  private readonly waiting = new Set<Socket>();

  constructor(
    private readonly handshake: Handshake,
    private readonly connections: ClientConnections,
    private readonly faults: Faults,
    private readonly observer: ClientObserver,
    private readonly drain: Drain,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @InjectMetric(metricNames.requests) private readonly requests: Counter<'route' | 'status'>,
  ) {
    // Who still waits for upstream has nothing to lose: it comes again.
    drain.onStart(() => {
      for (const it of this.waiting) it.destroy();
    });
  }

  /** Takes the WebSockets of a server from now on. Every other upgrade is an offer that we do not take: plain HTTP. */
  attach(server: Server): void {
    Object.assign(server, { shouldUpgradeCallback: asksForWebSocket }); // its types do not know it yet
    server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (socket instanceof Socket) void this.enter(req, socket, head);
      else socket.destroy();
    });
  }

  private async enter(req: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    try {
      const handed = await this.connections.handedOver(req, socket, head);
      if (handed !== null) await this.serve(req, socket, handed);
    } catch (error) {
      this.faults.note('upgrade', error);
      socket.destroy();
    } finally {
      this.waiting.delete(socket);
    }
  }

  private async serve(req: IncomingMessage, socket: Socket, { res, head }: HandedOver): Promise<void> {
    const [path = '', query = ''] = /^([^?]*)(.*)$/s.exec(req.url ?? '')?.slice(1) ?? [];
    const route = routeOf(req.method ?? '', path, true);
    const refusal = this.whyNot(req, path, route.kind);
    res.once('close', () => {
      const status = res.headersSent ? `${Math.floor(res.statusCode / 100)}xx` : '499';
      this.requests.inc({ route: route.kind, status });
    });
    if (refusal !== null) return sendLocalResponse(res, refusal);
    this.observer.turnArrived();
    this.observer.entered(req.headers);
    this.waiting.add(socket);
    await this.handshake.serve({ req, res, socket, head, query });
    if (res.socket === null && !res.headersSent) this.requests.inc({ route: route.kind, status: '1xx' });
  }

  private whyNot(req: IncomingMessage, path: string, route: string): LocalResponse | null {
    const violation = whyRefused(
      { method: req.method ?? '', path, headers: req.headers },
      this.config.allowedHosts,
    );
    if (violation !== null) return { status: 403, type: 'forbidden', ...violation };
    if (route !== 'websocket' || !asksForWebSocket(req)) return notFound;
    if (!mayUse(req.headers, this.config.clientToken)) return wrongToken;
    if (!isHandshake(req)) return badHandshake;
    return this.drain.isDraining ? stopping : null;
  }
}

function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && /^websocket$/i.test(headers.upgrade ?? '');
}

/** Looked at before anything is asked of upstream. */
function isHandshake({ headers }: IncomingMessage): boolean {
  return (
    headers['sec-websocket-version'] === '13' &&
    /^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '') &&
    headers['transfer-encoding'] === undefined &&
    Number(headers['content-length'] ?? 0) === 0 // a body would be read as frames
  );
}
