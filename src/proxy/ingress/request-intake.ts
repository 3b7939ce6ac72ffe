import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { InjectMetric } from '@willsoto/nestjs-prometheus';
import type { Counter, Histogram } from 'prom-client';
import { RequestLog } from '../../observability/request-log.js';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { limits } from '../../config/limits.js';
import { metricNames } from '../../observability/metrics.js';
import { RequestRecord } from '../failover/request-record.js';
import { UsageService } from '../../usage/usage.service.js';
import { ProxyRequest } from '../request/proxy-request.js';
import { ReplayBudget } from '../request/replay-budget.js';
import type { Route } from './routes.js';

/** A client's request that has been read, with its record. */
export interface Intake {
  readonly request: ProxyRequest;
  readonly record: RequestRecord;
}

/** Routes whose body stays here. */
const localRoutes: ReadonlySet<Route['kind']> = new Set<Route['kind']>([
  'placeholder-token',
  'pool-usage',
  'accounts-check',
]);
const localBody = { maxBytes: limits.localBodyBytes, withinMs: limits.localBodyMs };

/** Begins and ends every proxied request: its body, its record, its metrics. */
@Injectable()
export class RequestIntake {
  private readonly logger = new Logger(RequestIntake.name);
  /** Any local program may send bodies to local routes, so they must not use up the room of turns. */
  private readonly localBudget = new ReplayBudget(limits.localBodyBytesInTotal);

  constructor(
    private readonly log: RequestLog,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @InjectMetric(metricNames.unreplayable) private readonly unreplayable: Counter,
    @InjectMetric(metricNames.addedBefore) private readonly addedBefore: Histogram,
    @InjectMetric(metricNames.firstByte) private readonly firstByte: Histogram,
    private readonly usage: UsageService,
    private readonly budget: ReplayBudget,
  ) {}

  /** Reads the request. Rejects when the client leaves before its body is complete, or sends it too slowly. */
  async take(
    req: IncomingMessage,
    res: ServerResponse,
    route: Route['kind'],
    query: string,
  ): Promise<Intake> {
    if (localRoutes.has(route)) {
      const request = await ProxyRequest.read(req, res, query, localBody, this.localBudget);
      return { request, record: new RequestRecord(request, route, this.log) };
    }
    const bounds = { maxBytes: this.config.maxReplayBytes, withinMs: null };
    const request = await ProxyRequest.read(req, res, query, bounds, this.budget);
    if (!request.isReplayable) this.noteUnreplayable(request);
    return { request, record: new RequestRecord(request, route, this.log) };
  }

  /** Takes a turn in a message, on the WebSocket that `upgrade` asked for. `gone` aborts when that socket closes. */
  async takeMessage(upgrade: ProxyRequest, message: Buffer, gone: AbortSignal): Promise<Intake> {
    const { maxReplayBytes } = this.config;
    const request = await ProxyRequest.ofMessage(upgrade, message, maxReplayBytes, this.budget, gone);
    if (!request.isReplayable && !request.isContinuation) this.noteUnreplayable(request);
    return { request, record: new RequestRecord(request, 'websocket', this.log) };
  }

  private noteUnreplayable(request: ProxyRequest): void {
    this.unreplayable.inc();
    this.logger.warn('request body too large to keep; no failover for this request', { request: request.id });
  }

  /** Serves a request by `work`, which resolves when the response to the client has ended. */
  async during(taken: Intake, route: Route['kind'], work: () => Promise<void>): Promise<void> {
    using _request = taken.request;
    try {
      await work();
    } catch (error) {
      taken.record.end('failed inside the proxy', 500);
      throw error;
    } finally {
      await this.leave(taken, route);
    }
  }

  /** Called after the response to the client has ended: records the usage of a turn, and the metrics. */
  private async leave({ request, record }: Intake, route: Route['kind']): Promise<void> {
    const { firstSentAt, lastAnsweredAt } = record;
    if (firstSentAt !== null) this.addedBefore.observe((firstSentAt - request.completeAt) / 1_000);
    if (lastAnsweredAt !== null) this.firstByte.observe((lastAnsweredAt - request.completeAt) / 1_000);
    if (isTurn(request, route)) this.usage.ended(request.receivedAt, record.turnEnd);
    const turn = isTurn(request, route) ? record.turn(Date.now()) : null;
    // The names are read now because the turn did not have to wait for that.
    const names = isTurn(request, route) ? this.usage.named(await request.names()) : null;
    if (names !== null) record.named(names);
    if (turn !== null && names !== null) this.usage.record(turn, names);
    this.logger.debug('request served', {
      request: request.id,
      route,
      status: record.clientStatus,
      ms: Date.now() - request.receivedAt,
    });
  }
}

/** Whether a request counts as a turn. A prewarm asks for no output. */
function isTurn({ isPrewarm }: ProxyRequest, route: Route['kind']): boolean {
  return route === 'turn' || route === 'images' || (route === 'websocket' && !isPrewarm);
}
