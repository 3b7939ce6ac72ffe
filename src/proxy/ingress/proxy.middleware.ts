import { Inject, Injectable, type NestMiddleware } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { NextFunction, Request, Response } from 'express';
import type { Counter } from 'prom-client';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { Drain } from '../../runtime/drain.js';
import { Faults } from '../../observability/faults.js';
import { metricNames } from '../../observability/metrics.js';
import { ClientObserver } from '../../clients/client-observer.js';
import { notFound, type LocalResponse, sendJson, sendLocalResponse } from '../response/local-response.js';
import { mayUse, wrongToken } from './client-token.js';
import { ClientLeftError } from '../request/request-body.js';
import { RouteDispatch } from './route-dispatch.js';
import { type Route, routeOf } from './routes.js';

export const stopping: LocalResponse = {
  status: 503,
  code: 'stopping',
  type: 'pool_unavailable',
  message: 'codex-pool is stopping.',
  headers: { 'retry-after': '1', connection: 'close' },
};

const badUpgrade: LocalResponse = {
  status: 426,
  code: 'upgrade_not_supported',
  type: 'invalid_request',
  message: 'Only an upgrade to a WebSocket is served here.',
  headers: { upgrade: 'websocket', connection: 'upgrade, close' },
};

/** HTTP in: what a request is, whether it may pass, and who serves it. Decides nothing about accounts. */
@Injectable()
export class ProxyMiddleware implements NestMiddleware {
  constructor(
    private readonly handlers: RouteDispatch,
    private readonly drain: Drain,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @InjectMetric(metricNames.requests) private readonly requests: Counter<'route' | 'status'>,
    private readonly observer: ClientObserver,
    private readonly faults: Faults,
  ) {}

  use(req: Request, res: Response, next: NextFunction): void {
    const [path, query] = splitQuery(req.originalUrl);
    const route = routeOf(req.method, path, req.headers.upgrade !== undefined);
    if (route.kind === 'operator') return next();
    res.once('close', () => this.requests.inc({ route: route.kind, status: statusClass(res) }));
    if (this.drain.isDraining) return sendLocalResponse(res, stopping);
    if (route.kind === 'models') this.observer.modelsRequested();
    else if (route.kind === 'turn' || route.kind === 'websocket') this.observer.turnArrived();
    if (this.answerAtOnce(route, req, res)) return;
    this.observer.entered(req.headers);
    void this.serve(route, req, res, query);
  }

  private async serve(route: Route, req: Request, res: Response, query: string): Promise<void> {
    using _place = this.drain.enter();
    try {
      await this.handlers.serve(route, req, res, query);
    } catch (error) {
      if (error instanceof ClientLeftError) return;
      this.faults.note('request', error, { route: route.kind });
      if (res.headersSent) res.destroy();
      else
        sendLocalResponse(res, {
          status: 500,
          code: 'internal_error',
          type: 'internal_error',
          message: 'codex-pool failed; its log says why.',
          headers: { connection: 'close' },
        });
    }
  }

  /** What needs neither an account nor a body. */
  private answerAtOnce(route: Route, req: Request, res: Response): boolean {
    if (route.kind === 'unknown') {
      sendLocalResponse(res, notFound);
    } else if (route.kind !== 'placeholder-token' && !mayUse(req.headers, this.config.clientToken)) {
      sendLocalResponse(res, wrongToken);
    } else if (route.kind === 'wrong-method') {
      sendLocalResponse(res, {
        status: 405,
        code: 'method_not_allowed',
        type: 'invalid_request',
        message: `Use ${route.allow}.`,
        headers: { allow: route.allow },
      });
    } else if (route.kind === 'reachable') {
      sendJson(res, 200, { name: 'codex-pool' });
    } else if (route.kind === 'websocket') {
      sendLocalResponse(res, badUpgrade); // one that is meant to be a WebSocket comes by another way
    } else {
      return false;
    }
    return true;
  }
}

function splitQuery(url: string): [string, string] {
  const at = url.indexOf('?');
  return at === -1 ? [url, ''] : [url.slice(0, at), url.slice(at)];
}

function statusClass(res: Response): string {
  return res.headersSent ? `${Math.floor(res.statusCode / 100)}xx` : '499';
}
