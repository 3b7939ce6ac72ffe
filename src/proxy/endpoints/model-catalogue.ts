import type { IncomingHttpHeaders } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { Account } from '../../accounts/account.js';
import { AccountSelector } from '../../accounts/selection/account-selector.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { limits } from '../../config/limits.js';
import { RecordedAttempts } from './recorded-attempts.js';
import type { RequestRecord } from '../failover/request-record.js';
import { discard, type PeekedResponse } from '../upstream/response-peek.js';
import { readWhole } from '../upstream/read-whole.js';
import { ModelsEtag } from '../response/models-etag.js';
import { clientVersion, newerVersion, versionIn } from '../request/client-version.js';
import type { ProxyRequest } from '../request/proxy-request.js';

/** The version of Codex that docs/protocol.md describes: upstream lists no models for a client without a version. */
const DEFAULT_VERSION = '0.169.0';

/** Upstream's response to a request for the list of models, read completely. */
export interface ModelsResponse {
  readonly account: Account;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface KnownList extends ModelsResponse {
  readonly fetchedAt: number;
}

/** The result of a fetch of the list. */
export type ListedModels =
  | { readonly kind: 'list'; readonly list: ModelsResponse; readonly isCached: boolean }
  /** A 4xx. `isAboutRequest`: it would be the same on every account. */
  | { readonly kind: 'refused'; readonly refusal: ModelsResponse; readonly isAboutRequest: boolean }
  | { readonly kind: 'none' };

/**
 * The models of the account with the largest plan, so that the list does not change with the account that serves a
 * client. Cached per query, which names the client's version. The cached list is used while upstream does not respond.
 */
@Injectable()
export class ModelCatalogue {
  private readonly known = new LRUCache<string, KnownList>({ max: limits.modelsClients });
  private newest: string | null = null;

  constructor(
    private readonly selector: AccountSelector,
    private readonly attempts: RecordedAttempts,
    private readonly etag: ModelsEtag,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The query for a client that names no version: the newest version that upstream has listed models for. */
  get defaultQuery(): string {
    return `?client_version=${this.newest ?? DEFAULT_VERSION}`;
  }

  /** The list for this query (with its question mark), from the cache while it is fresh. */
  async list(request: ProxyRequest, query: string, record: RequestRecord): Promise<ListedModels> {
    const cached = this.known.peek(query) ?? null;
    const isFresh =
      cached !== null &&
      !this.etag.isStale(clientVersion(query, request.headers)) &&
      cached.account.id === this.selector.largestPlan()?.id &&
      this.clock.now() - cached.fetchedAt < limits.modelsTtlMs;
    if (cached === null) return await this.fetch(request, query, record);
    const stale: ListedModels = { kind: 'list', list: cached, isCached: true };
    if (isFresh) return stale;
    const newer = await withinPatience(this.fetch(request, query, record));
    return newer.kind === 'list' || (newer.kind === 'refused' && newer.isAboutRequest) ? newer : stale;
  }

  private async fetch(request: ProxyRequest, query: string, record: RequestRecord): Promise<ListedModels> {
    const account = this.selector.largestPlan();
    if (account === null) return { kind: 'none' };
    // Without `accept-encoding`, the same bytes fit every client of this version.
    const to = {
      base: 'responses',
      path: 'models',
      isTurn: false,
      socket: null,
      without: ['accept-encoding', 'if-none-match'],
      bodyInstead: null,
      withinMs: limits.modelsMs,
      asked: { method: 'GET', query },
    } as const;
    const { attempted } = await this.attempts.withRefresh(request, account, to, record, 'largest plan');
    const { peeked, outcome } = attempted;
    if (peeked === null) return { kind: 'none' };
    const { kind } = outcome;
    const isOwnRefusal = kind !== 'edge-block' && isPassedOn(peeked.response.statusCode ?? 0);
    const body = kind === 'success' || isOwnRefusal ? await bodyOf(peeked) : null;
    if (body === null) {
      discard(peeked.response);
      return { kind: 'none' };
    }
    const { statusCode: status = 200, headers } = peeked.response;
    const response = { account, status, headers, body };
    if (kind !== 'success')
      return { kind: 'refused', refusal: response, isAboutRequest: kind === 'client-error' };
    this.remember(request, query, response);
    return { kind: 'list', list: response, isCached: false };
  }

  private remember(request: ProxyRequest, query: string, list: ModelsResponse): void {
    this.known.set(query, { ...list, fetchedAt: this.clock.now() });
    const { etag } = list.headers;
    this.etag.serve(clientVersion(query, request.headers), etag ?? null, list.account.id);
    const version = versionIn(query);
    if (version !== null) this.newest = newerVersion(version, this.newest ?? version);
  }
}

/** The result, or none if it takes longer than `limits.modelsPatienceMs`. */
async function withinPatience(fetching: Promise<ListedModels>): Promise<ListedModels> {
  const patience = Promise.withResolvers<ListedModels>();
  const timer = setTimeout(() => patience.resolve({ kind: 'none' }), limits.modelsPatienceMs);
  try {
    return await Promise.race([fetching, patience.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** A refusal of upstream's says more than a local one. A 401 would make Codex renew its own login. */
function isPassedOn(status: number): boolean {
  return status >= 400 && status < 500 && status !== 401;
}

async function bodyOf({ response, head }: PeekedResponse): Promise<Buffer | null> {
  const rest = await readWhole(response, limits.modelsBytes);
  return rest === null ? null : Buffer.concat([...head, rest]);
}
