import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { RequestRecord } from '../failover/request-record.js';
import { Forwarder } from '../failover/forwarder.js';
import { LocalResponses } from '../endpoints/local-responses.js';
import { Models } from '../endpoints/models.js';
import { Passthrough } from '../endpoints/passthrough.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { RequestIntake } from './request-intake.js';
import type { Route } from './routes.js';
import { renewPlaceholder } from '../endpoints/placeholder-token.js';

/** Takes a client's request in and hands it to the one that serves its route. */
@Injectable()
export class RouteDispatch {
  constructor(
    private readonly accountImport: RequestIntake,
    private readonly forwarder: Forwarder,
    private readonly passthrough: Passthrough,
    private readonly models: Models,
    private readonly local: LocalResponses,
  ) {}

  /** Resolves when the client's answer has ended. */
  async serve(route: Route, req: IncomingMessage, res: ServerResponse, query: string): Promise<void> {
    const taken = await this.accountImport.take(req, res, route.kind, query);
    using request = taken.request;
    try {
      await this.hand(route, request, res, taken.decision);
    } catch (error) {
      taken.decision.end('failed inside the proxy', 500);
      throw error;
    } finally {
      await this.accountImport.leave(taken, route.kind);
    }
  }

  private async hand(
    route: Route,
    request: ProxyRequest,
    res: ServerResponse,
    decision: RequestRecord,
  ): Promise<void> {
    switch (route.kind) {
      case 'turn':
      case 'images':
        return this.forwarder.serve(request, res, route.upstreamPath, decision);
      case 'session':
        return this.passthrough.withSession(request, res, 'responses', route.upstreamPath, decision);
      case 'files':
        return this.passthrough.aboutFile(request, res, route.upstreamPath, decision);
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
      case 'placeholder-token':
        return renewPlaceholder(request, res, decision);
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
