import type { ServerResponse } from 'node:http';
import type { OutgoingHttpHeaders } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { AccountSelector } from '../../accounts/selection/account-selector.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { limits } from '../../config/limits.js';
import { RecordedAttempts } from './recorded-attempts.js';
import { type LocalResponse, sendLocalResponse } from '../response/local-response.js';
import type { RequestRecord } from '../failover/request-record.js';
import { discard } from '../upstream/response-peek.js';
import { readWhole } from '../upstream/read-whole.js';
import { ModelsEtag } from '../response/models-etag.js';
import { clientVersion } from '../request/client-version.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { headerText } from '../response/response-commit.js';
import { clientHeaders } from '../upstream/headers.js';

/** A 404: Codex starts at once with its built-in list. After a 5xx it retries for up to 11 s (docs/protocol.md, models). */
const noModels: LocalResponse = {
  status: 404,
  code: 'models_unavailable',
  type: 'pool_unavailable',
  message: 'No account in the pool could list its models.',
};

interface ModelsResponse {
  readonly accountId: string;
  readonly account: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
  readonly fetchedAt: number;
}

/**
 * Serves the models of the account with the largest plan, so that the list does not change with the account that serves
 * a client. Caches it per client version, and serves the cached list while upstream does not respond.
 */
@Injectable()
export class Models {
  private readonly known = new LRUCache<string, ModelsResponse>({ max: limits.modelsClients });

  constructor(
    private readonly selector: AccountSelector,
    private readonly attempts: RecordedAttempts,
    private readonly etag: ModelsEtag,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async serve(
    request: ProxyRequest,
    res: ServerResponse,
    _id: string | null,
    record: RequestRecord,
  ): Promise<void> {
    const key = `${request.method} ${request.query.slice(0, 200)}`;
    const cached = this.known.peek(key) ?? null;
    const account = this.selector.largestPlan();
    const isFresh =
      cached !== null &&
      !this.etag.isStale(clientVersion(request.query, request.headers)) &&
      cached.accountId === account?.id &&
      this.clock.now() - cached.fetchedAt < limits.modelsTtlMs;
    const list = isFresh ? cached : await this.newer(cached, this.fetch(request, key, record));
    if (list === null) {
      sendLocalResponse(res, { ...noModels, headers: { 'x-codex-pool-request': request.id } });
      return record.end(noModels.code, noModels.status);
    }
    res.writeHead(200, {
      ...list.headers,
      'x-codex-pool-account': headerText(list.account),
      'x-codex-pool-request': request.id,
    });
    res.end(list.body);
    record.end(list === cached ? 'from cache' : 'complete', 200);
  }

  /** The newer list, or the cached one if the newer takes longer than `limits.modelsPatienceMs`. */
  private async newer(
    cached: ModelsResponse | null,
    fetching: Promise<ModelsResponse | null>,
  ): Promise<ModelsResponse | null> {
    if (cached === null) return await fetching;
    const patience = Promise.withResolvers<null>();
    const timer = setTimeout(() => patience.resolve(null), limits.modelsPatienceMs);
    try {
      return (await Promise.race([fetching, patience.promise])) ?? cached;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Fetches the list from upstream; null if upstream sends no usable one. */
  private async fetch(
    request: ProxyRequest,
    key: string,
    record: RequestRecord,
  ): Promise<ModelsResponse | null> {
    const account = this.selector.largestPlan();
    if (account === null) return null;
    // Without `accept-encoding`, the same bytes fit every client of this version.
    const to = {
      base: 'responses',
      path: 'models',
      isTurn: false,
      socket: null,
      without: ['accept-encoding', 'if-none-match'],
      bodyInstead: null,
      withinMs: limits.modelsMs,
    } as const;
    const { attempted } = await this.attempts.withRefresh(request, account, to, record, 'largest plan');
    const { peeked, outcome } = attempted;
    if (peeked === null) return null;
    if (outcome.kind !== 'success') {
      discard(peeked.response);
      return null;
    }
    const body = await readWhole(peeked.response, limits.modelsBytes);
    if (body === null) return null;
    const headers = clientHeaders(peeked.response.headers);
    const made = { accountId: account.id, account: account.name, headers, body, fetchedAt: this.clock.now() };
    this.known.set(key, made);
    const version = clientVersion(request.query, request.headers);
    this.etag.serve(version, typeof headers['etag'] === 'string' ? headers['etag'] : null, account.id);
    return made;
  }
}
