import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable, type NestMiddleware } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import { Drain } from '../../runtime/drain.js';
import { Faults } from '../../observability/faults.js';
import { metricNames } from '../../observability/metrics.js';
import { ClientObserver } from '../../clients/client-observer.js';
import {
  internalError,
  notFound,
  type LocalResponse,
  sendJson,
  sendLocalResponse,
} from '../response/local-response.js';
import { Admission } from './admission.js';
import { bodyTimeout } from './body-timeout.js';
import { BodyTimeoutError, ClientLeftError } from '../request/request-body.js';
import { SideRequests } from '../response/side-requests.js';
import { RouteDispatch } from './route-dispatch.js';
import type { Route } from './routes.js';

const badUpgrade: LocalResponse = {
  status: 426,
  code: 'upgrade_not_supported',
  type: 'invalid_request',
  message: 'Only upgrades to WebSocket are supported here.',
  headers: { upgrade: 'websocket', connection: 'upgrade, close' },
};

/**
 * The entry point for HTTP, called by the front door before Express: finds the route of a request, admits it and dispatches it. Decides nothing about accounts.
 */
@Injectable()
export class ProxyMiddleware implements NestMiddleware {
  constructor(
    private readonly admission: Admission,
    private readonly dispatch: RouteDispatch,
    private readonly drain: Drain,
    private readonly side: SideRequests,
    @InjectMetric(metricNames.requests) private readonly requests: Counter<'route' | 'status'>,
    private readonly observer: ClientObserver,
    private readonly faults: Faults,
  ) {}

  use(req: IncomingMessage, res: ServerResponse, next: () => void): void {
    const isUpgrade = req.headers.upgrade !== undefined;
    const { route, query } = this.admission.target(req.method ?? '', req.url ?? '', isUpgrade);
    if (route.kind === 'operator') return next();
    res.once('close', () => this.requests.inc({ route: route.kind, status: statusClass(res) }));
    const stopping = this.admission.whyStopping();
    if (stopping !== null) return sendLocalResponse(res, stopping);
    if (route.kind === 'models') this.observer.modelsRequested();
    else if (route.kind === 'turn' || route.kind === 'websocket') this.observer.turnArrived();
    if (this.respondLocally(route, req, res)) return;
    this.observer.inspectLogin(req.headers);
    void this.serve(route, req, res, query);
  }

  private async serve(route: Route, req: IncomingMessage, res: ServerResponse, query: string): Promise<void> {
    using _place = isSide(route) ? this.side.enter(res) : this.drain.enter();
    try {
      await this.dispatch.serve(route, req, res, query);
    } catch (error) {
      if (error instanceof ClientLeftError) return;
      if (error instanceof BodyTimeoutError) return sendLocalResponse(res, bodyTimeout);
      this.faults.note('request', error, { route: route.kind });
      if (res.headersSent) res.destroy();
      else sendLocalResponse(res, internalError);
    }
  }

  /** Responds to requests that need neither an account nor their body; false if the request is not one of them. */
  private respondLocally(route: Route, req: IncomingMessage, res: ServerResponse): boolean {
    const denied = this.whyDenied(route, req);
    if (denied !== null) {
      sendLocalResponse(res, denied);
    } else if (route.kind === 'reachable') {
      sendJson(res, 200, { name: 'codex-pool' });
    } else if (route.kind === 'websocket') {
      sendLocalResponse(res, badUpgrade); // valid WebSocket upgrades go to the upgrade handler instead
    } else {
      return false;
    }
    return true;
  }

  private whyDenied(route: Route, req: IncomingMessage): LocalResponse | null {
    if (route.kind === 'unknown') return notFound;
    const wrongToken = route.kind === 'placeholder-token' ? null : this.admission.whyWrongToken(req);
    return wrongToken ?? this.admission.whyNotServed(route);
  }
}

/** Whether a stop does not wait for a request as long as for a turn. */
function isSide({ kind }: Route): boolean {
  return sideKinds.has(kind);
}

const sideKinds: ReadonlySet<Route['kind']> = new Set<Route['kind']>([
  'session',
  'home',
  'files',
  'models',
  'config-bundle',
  'accounts-check',
  'pool-usage',
  'placeholder-token',
]);

function statusClass(res: ServerResponse): string {
  return res.headersSent ? `${Math.floor(res.statusCode / 100)}xx` : '499';
}
