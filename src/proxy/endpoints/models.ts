import type { ServerResponse } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { AccountSelector } from '../../accounts/selection/account-selector.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { limits } from '../../config/limits.js';
import { AttemptRunner } from '../upstream/attempt-runner.js';
import { type LocalResponse, sendLocalResponse } from '../response/local-response.js';
import type { RequestRecord } from '../failover/request-record.js';
import { discard } from '../upstream/response-peek.js';
import { readWhole } from '../upstream/read-whole.js';
import { ModelsEtag } from '../response/models-etag.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { headerText } from '../response/response-commit.js';
import { clientHeaders } from '../upstream/headers.js';

/**
 * A 404, because Codex then starts at once with the list that it brings along: after a 5xx it asks again
 * for up to 11 s first (docs/protocol.md, models).
 */
const noModels: LocalResponse = {
  status: 404,
  code: 'models_unavailable',
  type: 'pool_unavailable',
  message: 'No account of the pool could tell its models.',
};

interface ModelsResponse {
  readonly accountId: string;
  readonly account: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
  readonly fetchedAt: number;
}

/**
 * The list of models: that of the largest plan, kept per client version, so that no client sees it change
 * with the account that serves it. While upstream does not answer, the last one known is served.
 */
@Injectable()
export class Models {
  private readonly known = new LRUCache<string, ModelsResponse>({ max: limits.modelsClients });

  constructor(
    private readonly selector: AccountSelector,
    private readonly runner: AttemptRunner,
    private readonly etag: ModelsEtag,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async serve(request: ProxyRequest, res: ServerResponse, record: RequestRecord): Promise<void> {
    const key = `${request.method} ${request.query.slice(0, 200)}`;
    const kept = this.known.peek(key) ?? null;
    const account = this.selector.largestPlan();
    const isFresh =
      kept !== null &&
      !this.etag.isStale &&
      kept.accountId === account?.id &&
      this.clock.now() - kept.fetchedAt < limits.modelsTtlMs;
    const answer = isFresh ? kept : await this.newer(kept, this.fetch(request, key, record));
    if (answer === null) {
      sendLocalResponse(res, { ...noModels, headers: { 'x-codex-pool-request': request.id } });
      return record.end(noModels.code, noModels.status);
    }
    res.writeHead(200, {
      ...answer.headers,
      'x-codex-pool-account': headerText(answer.account),
      'x-codex-pool-request': request.id,
    });
    res.end(answer.body);
    record.end(answer === kept ? 'from cache' : 'complete', 200);
  }

  /** The newer list, unless it is long in coming and there is one that can be served meanwhile. */
  private async newer(
    kept: ModelsResponse | null,
    fetching: Promise<ModelsResponse | null>,
  ): Promise<ModelsResponse | null> {
    if (kept === null) return await fetching;
    const patience = Promise.withResolvers<null>();
    const timer = setTimeout(() => patience.resolve(null), limits.modelsPatienceMs);
    try {
      return (await Promise.race([fetching, patience.promise])) ?? kept;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks upstream; null when it gives no usable list. */
  private async fetch(
    request: ProxyRequest,
    key: string,
    record: RequestRecord,
  ): Promise<ModelsResponse | null> {
    const account = this.selector.largestPlan();
    if (account === null) return null;
    // Without `accept-encoding` the list can be kept for every client of this version.
    const to = {
      base: 'responses',
      path: 'models',
      isTurn: false,
      isSocket: false,
      without: ['accept-encoding', 'if-none-match'],
      bodyInstead: null,
      withinMs: limits.modelsMs,
    } as const;
    let attempted = await this.runner.attempt(request, account, to, null);
    record.attempted(account, 'largest plan', attempted);
    if (attempted.outcome.kind === 'unauthorized' && attempted.token !== null) {
      if (attempted.answer !== null) discard(attempted.answer.response);
      attempted = await this.runner.attempt(request, account, to, attempted.token);
      record.attempted(account, 'refresh', attempted);
    }
    const { answer, outcome } = attempted;
    if (answer === null) return null;
    if (outcome.kind !== 'success') {
      discard(answer.response);
      return null;
    }
    const body = await readWhole(answer.response, limits.modelsBytes);
    if (body === null) return null;
    const headers = clientHeaders(answer.response.headers);
    const made = { accountId: account.id, account: account.name, headers, body, fetchedAt: this.clock.now() };
    this.known.set(key, made);
    this.etag.serve(typeof headers['etag'] === 'string' ? headers['etag'] : null, account.id);
    return made;
  }
}
