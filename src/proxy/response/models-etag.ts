import { Injectable } from '@nestjs/common';

/**
 * The etag of the model list last served to clients. A response with a different `x-models-etag` makes Codex fetch
 * the list again at once (docs/protocol.md), so accounts with different lists must not alternate theirs.
 */
@Injectable()
export class ModelsEtag {
  private served: { readonly etag: string; readonly accountId: string } | null = null;
  private stale = false;

  /** Marks the model list of the served account as changed. */
  get isStale(): boolean {
    return this.stale;
  }

  serve(etag: string | null, accountId: string): void {
    this.served = etag === null ? null : { etag, accountId };
    this.stale = false;
  }

  /** Whether a response of this account may show this etag to the client. */
  isSteady(accountId: string, etag: unknown): boolean {
    if (this.served === null || typeof etag !== 'string' || etag === this.served.etag) return true;
    if (accountId !== this.served.accountId) return false;
    this.stale = true; // the account's own list has changed, so the client should fetch it again
    return true;
  }
}
