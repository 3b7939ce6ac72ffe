import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter } from 'prom-client';
import { DecisionLog } from '../accounts/decision-log.js';
import { APP_CONFIG, type AppConfig } from '../app.config.js';
import { metricNames } from '../metrics.js';
import { DecisionRecord } from './decision-record.js';
import { Forwarder } from './forwarder.js';
import { LocalAnswers } from './local-answers.js';
import { Models } from './models.js';
import { Passthrough } from './passthrough.js';
import { ProxyRequest } from './proxy-request.js';
import { ReplayBudget } from './replay-budget.js';
import type { Route } from './routes.js';
import { renewStandIn } from './stand-in-token.js';

/** Reads a client's request and hands it to the one that serves its route. */
@Injectable()
export class RouteHandlers {
  private readonly logger = new Logger(RouteHandlers.name);
  private readonly budget = new ReplayBudget();

  constructor(
    private readonly forwarder: Forwarder,
    private readonly passthrough: Passthrough,
    private readonly models: Models,
    private readonly local: LocalAnswers,
    private readonly decisions: DecisionLog,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @InjectMetric(metricNames.unreplayable) private readonly unreplayable: Counter,
  ) {}

  async serve(route: Route, req: IncomingMessage, res: ServerResponse, query: string): Promise<void> {
    using request = await ProxyRequest.read(req, res, query, this.config.maxReplayBytes, this.budget);
    const decision = new DecisionRecord(request, route.kind, this.decisions);
    if (!request.isReplayable) {
      this.unreplayable.inc();
      this.logger.warn('request too large to be kept: no failover for it', { request: request.id });
    }
    await this.hand(route, request, res, decision);
    this.logger.debug('request served', {
      request: request.id,
      route: route.kind,
      status: decision.clientStatus,
      ms: Date.now() - request.receivedAt,
    });
  }

  private async hand(
    route: Route,
    request: ProxyRequest,
    res: ServerResponse,
    decision: DecisionRecord,
  ): Promise<void> {
    switch (route.kind) {
      case 'turn':
      case 'images':
        return this.forwarder.serve(request, res, route.upstreamPath, decision);
      case 'session':
        return this.passthrough.withSession(request, res, 'responses', route.upstreamPath, decision);
      case 'files':
        if (request.sessionKey === null)
          return this.passthrough.withHome(request, res, 'wham', route.upstreamPath, decision);
        return this.passthrough.withSession(request, res, 'wham', route.upstreamPath, decision);
      case 'home':
        return this.passthrough.withHome(request, res, route.base, route.upstreamPath, decision);
      case 'models':
        return this.models.serve(request, res, decision);
      case 'config-bundle':
        return this.local.configBundle(request, res, route.upstreamPath, decision);
      case 'accounts-check':
        return this.local.accountsCheck(request, res, decision);
      case 'pool-usage':
        return this.local.poolUsage(res, decision);
      case 'stand-in-token':
        return renewStandIn(request, res, decision);
      case 'reachable':
      case 'websocket':
      case 'wrong-method':
      case 'operator':
      case 'unknown':
        throw new Error(`route ${route.kind} is answered before its body is read`);
      default:
        return route satisfies never;
    }
  }
}
