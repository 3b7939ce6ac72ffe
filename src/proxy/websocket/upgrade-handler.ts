import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import { limits } from '../../config/limits.js';
import { Drain } from '../../runtime/drain.js';
import { Faults } from '../../observability/faults.js';
import { metricNames } from '../../observability/metrics.js';
import { Admission } from '../ingress/admission.js';
import { ClientConnections, type Takeover } from '../ingress/client-connections.js';
import type { Route } from '../ingress/routes.js';
import { notFound, type LocalResponse, sendLocalResponse } from '../response/local-response.js';
import { ClientObserver } from '../../clients/client-observer.js';
import { Handshake } from './handshake.js';
import { SocketSessions } from './sessions.js';
import { SideHandshake, sideRouteOf } from './side-handshake.js';
import { whyBadHandshake } from './socket-acceptance.js';

const tooMany: LocalResponse = {
  status: 503,
  code: 'too_many_websockets',
  type: 'pool_unavailable',
  message: `codex-pool keeps at most ${limits.clientSockets} WebSockets open. Codex continues over HTTP.`,
  headers: { 'retry-after': '5' },
};

/** Admits WebSocket upgrades by the same checks as any other request, before opening one. */
@Injectable()
export class UpgradeHandler {
  /** Connections whose handshake is pending. */
  private readonly waiting = new Set<Socket>();

  constructor(
    private readonly handshake: Handshake,
    private readonly sideHandshake: SideHandshake,
    private readonly sessions: SocketSessions,
    private readonly connections: ClientConnections,
    private readonly faults: Faults,
    private readonly observer: ClientObserver,
    private readonly admission: Admission,
    drain: Drain,
    @InjectMetric(metricNames.requests) private readonly requests: Counter<'route' | 'status'>,
  ) {
    // Pending handshakes lose nothing: the client reconnects.
    drain.onStart(() => {
      for (const it of this.waiting) it.destroy();
    });
  }

  /** Starts accepting WebSockets on a server. Other upgrade offers are ignored and served as plain HTTP. */
  attach(server: Server): void {
    Object.assign(server, { shouldUpgradeCallback: asksForWebSocket }); // missing in the types of Node
    server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (socket instanceof Socket) void this.enter(req, socket, head);
      else socket.destroy();
    });
  }

  private async enter(req: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    try {
      const handed = await this.connections.takeOver(req, socket, head);
      if (handed !== null) await this.serve(req, socket, handed);
    } catch (error) {
      this.faults.note('upgrade', error);
      socket.destroy();
    } finally {
      this.waiting.delete(socket);
    }
  }

  private async serve(req: IncomingMessage, socket: Socket, { res, head }: Takeover): Promise<void> {
    const { path, query, route } = this.admission.target(req.method ?? '', req.url ?? '', true);
    const side = sideRouteOf(route);
    const isForwarded = side !== null || route.kind === 'websocket';
    const refusal = this.whyNot(req, path, route, isForwarded);
    res.once('close', () => {
      const status = res.headersSent ? `${Math.floor(res.statusCode / 100)}xx` : '499';
      this.requests.inc({ route: route.kind, status });
    });
    if (refusal !== null) return sendLocalResponse(res, refusal);
    if (!this.sessions.hasRoom(this.waiting.size)) return sendLocalResponse(res, tooMany);
    if (side === null) this.observer.turnArrived();
    this.observer.inspectLogin(req.headers);
    this.waiting.add(socket);
    const arrival = { req, res, socket, head, query };
    if (side === null) await this.handshake.serve(arrival);
    else await this.sideHandshake.serve(arrival, side);
    if (res.socket === null && !res.headersSent) this.requests.inc({ route: route.kind, status: '1xx' });
  }

  private whyNot(
    req: IncomingMessage,
    path: string,
    route: Route,
    isForwarded: boolean,
  ): LocalResponse | null {
    const { admission } = this;
    const forbidden = admission.whyForbidden(req, path);
    if (forbidden !== null) return forbidden;
    if (!isForwarded || !asksForWebSocket(req)) return admission.whyNotServed(route) ?? notFound;
    return admission.whyWrongToken(req) ?? whyBadHandshake(req) ?? admission.whyStopping();
  }
}

function asksForWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && /^websocket$/i.test(headers.upgrade ?? '');
}
