import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { limits } from '../../config/limits.js';

/** What only the account that issued it can continue: `x-codex-turn-state`, a response, a file. */
export const ownedKinds = ['turn-state', 'response', 'file'] as const;
export type OwnedKind = (typeof ownedKinds)[number];

/** One value, by its hash, and the identity of the account that issued it. */
export interface Owned {
  readonly kind: OwnedKind;
  readonly hash: string;
  readonly accountId: string;
}

/**
 * Which account issued a value that only it can continue. Keeps hashes, never the values. Each kind has a
 * bound of its own, so that many of one kind push out none of another; the oldest goes first.
 */
@Injectable()
export class OwnerTable {
  private readonly owners: Readonly<Record<OwnedKind, Map<string, string>>> = {
    'turn-state': new Map(),
    response: new Map(),
    file: new Map(),
  };
  private readonly watchers: ((owned: Owned) => void)[] = [];

  /** Whether anything of this kind is remembered: only then a request is worth a look. */
  has(kind: OwnedKind): boolean {
    return this.owners[kind].size > 0;
  }

  remember(kind: OwnedKind, value: string, accountId: string): void {
    const owned = { kind, hash: hashOf(value), accountId };
    this.restore(owned);
    for (const watcher of this.watchers) watcher(owned);
  }

  /** The identity of the account that issued the value; null when nobody remembers. */
  ownerOf(kind: OwnedKind, value: string): string | null {
    return this.owners[kind].get(hashOf(value)) ?? null;
  }

  /** Calls back whenever a value is remembered. */
  onRemember(watcher: (owned: Owned) => void): void {
    this.watchers.push(watcher);
  }

  /** Puts a value where it was before a restart; from the oldest to the newest. */
  restore({ kind, hash, accountId }: Owned): void {
    const owners = this.owners[kind];
    owners.delete(hash);
    owners.set(hash, accountId);
    if (owners.size <= limits.owners) return;
    const oldest = owners.keys().next();
    if (oldest.done !== true) owners.delete(oldest.value);
  }
}

function hashOf(value: string): string {
  return createHash('sha256').update(value).digest('base64url');
}
