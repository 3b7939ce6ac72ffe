import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { limits } from '../limits.js';

/**
 * Which account issued a value that only it can continue (`x-codex-turn-state`). Keeps hashes, never the
 * values; bounded, the oldest goes first.
 */
@Injectable()
export class OwnerTable {
  private readonly owners = new Map<string, string>();

  remember(value: string, accountId: string): void {
    const key = hash(value);
    this.owners.delete(key);
    this.owners.set(key, accountId);
    if (this.owners.size <= limits.owners) return;
    const oldest = this.owners.keys().next();
    if (oldest.done !== true) this.owners.delete(oldest.value);
  }

  /** The identity of the account that issued the value; null when nobody remembers. */
  ownerOf(value: string): string | null {
    return this.owners.get(hash(value)) ?? null;
  }
}

function hash(value: string): string {
  return createHash('sha256').update(value).digest('base64url');
}
