import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { RequestRecord } from '../failover/request-record.js';
import { Forwarder } from '../failover/forwarder.js';
import { LocalResponses } from '../endpoints/local-responses.js';
import { Models } from '../endpoints/models.js';
import { Passthrough } from '../endpoints/passthrough.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { ResponseCommit } from '../response/response-commit.js';
import { RequestIntake } from './request-intake.js';
import type { Route } from './routes.js';
import { renewPlaceholder } from '../endpoints/placeholder-token.js';

/** Reads a client's request and passes it to the handler of its route. */
@Injectable()
export class RouteDispatch {
  constructor(
    private readonly intake: RequestIntake,
    private readonly forwarder: Forwarder,
    private readonly passthrough: Passthrough,
    private readonly models: Models,
    private readonly local: LocalResponses,
    private readonly commit: ResponseCommit,
  ) {}

  /** Resolves when the response to the client has ended. */
  async serve(route: Route, req: IncomingMessage, res: ServerResponse, query: string): Promise<void> {
    const taken = await this.intake.take(req, res, route.kind, query);
    await this.intake.during(taken, route.kind, () => this.handle(route, taken.request, res, taken.record));
  }

  private async handle(
    route: Route,
    request: ProxyRequest,
    res: ServerResponse,
    record: RequestRecord,
  ): Promise<void> {
    switch (route.kind) {
      case 'turn':
      case 'images':
        return this.forwarder.serve(request, this.commit.channelTo(res), route.upstreamPath, record);
      case 'session':
        return this.passthrough.viaSessionAccount(request, res, 'responses', route.upstreamPath, record);
      case 'files':
        return this.passthrough.forFile(request, res, route.upstreamPath, record);
      case 'home':
        return this.passthrough.viaHomeAccount(request, res, route.base, route.upstreamPath, record);
      case 'models':
        return this.models.serve(request, res, route.id, record);
      case 'config-bundle':
        return this.local.configBundle(request, res, route.upstreamPath, record);
      case 'accounts-check':
        return this.local.accountsCheck(request, res, record);
      case 'pool-usage':
        return this.local.poolUsage(res, record);
      case 'placeholder-token':
        return renewPlaceholder(request, res, record);
      case 'reachable':
      case 'websocket':
      case 'wrong-method':
      case 'operator':
      case 'unsupported':
      case 'unknown':
        throw new Error(`route ${route.kind} is served before its body is read`);
      default:
        return route satisfies never;
    }
  }
}
