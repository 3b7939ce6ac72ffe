import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { limits } from '../../config/limits.js';

/** What only the account that issued it can continue: `x-codex-turn-state`, a response, a file. */
export const pinnedKinds = ['turn-state', 'response', 'file'] as const;
export type PinnedKind = (typeof pinnedKinds)[number];

/** One value, by its hash, and the identity of the account that issued it. */
export interface Pinned {
  readonly kind: PinnedKind;
  readonly hash: string;
  readonly accountId: string;
}

/**
 * Which account issued a value that only it can continue. Keeps hashes, never the values. Each kind has a
 * bound of its own, so that many of one kind push out none of another; the oldest goes first.
 */
@Injectable()
export class PinTable {
  private readonly pins: Readonly<Record<PinnedKind, LRUCache<string, string>>> = {
    'turn-state': new LRUCache({ max: limits.pins }),
    response: new LRUCache({ max: limits.pins }),
    file: new LRUCache({ max: limits.pins }),
  };
  private readonly watchers: ((pinned: Pinned) => void)[] = [];

  /** Whether anything of this kind is remembered: only then a request is worth a look. */
  has(kind: PinnedKind): boolean {
    return this.pins[kind].size > 0;
  }

  remember(kind: PinnedKind, value: string, accountId: string): void {
    const pinned = { kind, hash: hashOf(value), accountId };
    this.restore(pinned);
    for (const watcher of this.watchers) watcher(pinned);
  }

  /** The identity of the account that issued the value; null when nobody remembers. */
  pinOf(kind: PinnedKind, value: string): string | null {
    return this.pins[kind].peek(hashOf(value)) ?? null; // a look-up does not make a pin newer
  }

  /** Calls back whenever a value is remembered. */
  onRemember(watcher: (pinned: Pinned) => void): void {
    this.watchers.push(watcher);
  }

  /** Puts a value where it was before a restart; from the oldest to the newest. */
  restore({ kind, hash, accountId }: Pinned): void {
    this.pins[kind].set(hash, accountId);
  }
}

function hashOf(value: string): string {
  return createHash('sha256').update(value).digest('base64url');
}
