import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { limits } from '../../config/limits.js';

/** The etag of a model list that clients have. */
interface ServedEtag {
  readonly etag: string;
  readonly accountId: string;
  /** The account's list has changed since. */
  readonly isStale: boolean;
}

/**
 * The etag of the model list last served to each client version; null stands for clients that name no version. A
 * response with a different `x-models-etag` makes Codex fetch the list again at once (docs/protocol.md), so accounts
 * with different lists must not alternate theirs, and neither must two versions that get different lists.
 */
@Injectable()
export class ModelsEtag {
  private readonly served = new LRUCache<string, ServedEtag>({ max: limits.modelsClients });

  /** Whether the list that this version has is out of date. */
  isStale(version: string | null): boolean {
    return this.served.peek(version ?? '')?.isStale ?? false;
  }

  serve(version: string | null, etag: string | null, accountId: string): void {
    if (etag === null) this.served.delete(version ?? '');
    else this.served.set(version ?? '', { etag, accountId, isStale: false });
  }

  /** Whether a response of this account may show this etag to a client of this version. */
  isSteady(version: string | null, accountId: string, etag: unknown): boolean {
    if (typeof etag !== 'string') return true;
    const lists = this.listsOf(version);
    if (lists.length === 0 || lists.some(([, it]) => it.etag === etag)) return true;
    const own = lists.filter(([, it]) => it.accountId === accountId);
    // The account's own list has changed, so the client should fetch it again.
    for (const [key, it] of own) this.served.set(key, { ...it, isStale: true });
    return own.length > 0;
  }

  /** The list that this version has; all lists if none is known to be its own. */
  private listsOf(version: string | null): [string, ServedEtag][] {
    const own = version === null ? undefined : this.served.get(version);
    return version === null || own === undefined ? [...this.served.entries()] : [[version, own]];
  }
}
