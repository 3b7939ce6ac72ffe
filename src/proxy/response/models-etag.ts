import { Injectable } from '@nestjs/common';

/**
 * The etag of the model list that clients have from us. An answer with another `x-models-etag` makes Codex
 * fetch the list again at once (docs/protocol.md), so accounts that differ must not take turns showing theirs.
 */
@Injectable()
export class ModelsEtag {
  private served: { readonly etag: string; readonly accountId: string } | null = null;
  private stale = false;

  /** The model list of the account whose etag we serve has changed since. */
  get isStale(): boolean {
    return this.stale;
  }

  serve(etag: string | null, accountId: string): void {
    this.served = etag === null ? null : { etag, accountId };
    this.stale = false;
  }

  /** Whether an answer of this account may show this etag to the client. */
  isSteady(accountId: string, etag: unknown): boolean {
    if (this.served === null || typeof etag !== 'string' || etag === this.served.etag) return true;
    if (accountId !== this.served.accountId) return false;
    this.stale = true; // the account's own list has changed: now the client should ask again
    return true;
  }
}
