import { Injectable } from '@nestjs/common';
import { RequestLog } from '../../observability/request-log.js';
import { Passthrough } from '../endpoints/passthrough.js';
import { RequestRecord } from '../failover/request-record.js';
import type { Route } from '../ingress/routes.js';
import { ReplayBudget } from '../request/replay-budget.js';
import type { UpstreamBase } from '../upstream/upstream-client.js';
import { type Arrival, arrivedRequest } from './arrival.js';
import { SocketSessions } from './sessions.js';
import { SocketAcceptance } from './socket-acceptance.js';

/** A forwarded route that is not a turn. */
export type SideRoute = Extract<Route, { readonly kind: 'session' | 'home' | 'files' }>;

/** Opens WebSockets on routes that are not turns: one account, as over HTTP, and no failover. */
@Injectable()
export class SideHandshake {
  constructor(
    private readonly passthrough: Passthrough,
    private readonly acceptance: SocketAcceptance,
    private readonly sessions: SocketSessions,
    private readonly requestLog: RequestLog,
    private readonly budget: ReplayBudget,
  ) {}

  /** Resolves when the client has its WebSocket, or upstream's response to the handshake. */
  async serve(arrival: Arrival, route: SideRoute): Promise<void> {
    const { request, takeHead } = arrivedRequest(arrival, this.budget);
    const record = new RequestRecord(request, route.kind, this.requestLog);
    const target = { kind: route.kind, base: baseOf(route), path: route.upstreamPath };
    const opened = await this.passthrough.openSocket(request, arrival.res, target, record);
    if (opened === null) return request[Symbol.dispose]();
    const { upstream, headers } = opened;
    this.acceptance.accept({ ...arrival, head: takeHead() }, upstream, headers, record, (client) =>
      this.sessions.beginSide(client, upstream, request),
    );
  }
}

/** Returns the route if a WebSocket on it is relayed; null if it is a turn's, served here, or unknown. */
export function sideRouteOf(route: Route): SideRoute | null {
  return route.kind === 'session' || route.kind === 'home' || route.kind === 'files' ? route : null;
}

function baseOf(route: SideRoute): UpstreamBase {
  switch (route.kind) {
    case 'session':
      return 'responses';
    case 'files':
      return 'wham';
    case 'home':
      return route.base;
    default:
      return route satisfies never;
  }
}
