import { hash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { limits } from '../../config/limits.js';

/**
 * Values that only the account that issued them can continue: `x-codex-turn-state`, a response, a file, a machine
 * enrolled for remote control.
 */
export const pinnedKinds = ['turn-state', 'response', 'file', 'remote-server'] as const;
export type PinnedKind = (typeof pinnedKinds)[number];

/** The hash of a value, and the identity of the account that issued it. */
export interface Pinned {
  readonly kind: PinnedKind;
  readonly hash: string;
  readonly accountId: string;
}

/**
 * Maps each pinned value to the account that issued it. Keeps hashes, never the values. Each kind has its own
 * bound, so that many of one kind evict none of another. The oldest goes first.
 */
@Injectable()
export class PinTable {
  private readonly pins: Readonly<Record<PinnedKind, LRUCache<string, string>>> = {
    'turn-state': new LRUCache({ max: limits.pins }),
    response: new LRUCache({ max: limits.pins }),
    file: new LRUCache({ max: limits.pins }),
    'remote-server': new LRUCache({ max: limits.pins }),
  };
  private readonly watchers: ((pinned: Pinned) => void)[] = [];

  /** Returns whether any value of this kind is pinned; if not, requests need no inspection. */
  has(kind: PinnedKind): boolean {
    return this.pins[kind].size > 0;
  }

  remember(kind: PinnedKind, value: string, accountId: string): void {
    const pinned = { kind, hash: hashOf(value), accountId };
    this.restore(pinned);
    for (const watcher of this.watchers) watcher(pinned);
  }

  /** Returns the identity of the account that issued the value; null if unknown. */
  pinOf(kind: PinnedKind, value: string): string | null {
    return this.pins[kind].peek(hashOf(value)) ?? null; // a lookup does not make the pin newer
  }

  /** Registers a callback for every remembered value. */
  onRemember(watcher: (pinned: Pinned) => void): void {
    this.watchers.push(watcher);
  }

  /** Restores a pin after a restart. Call it from the oldest to the newest. */
  restore({ kind, hash: hashed, accountId }: Pinned): void {
    this.pins[kind].set(hashed, accountId);
  }
}

function hashOf(value: string): string {
  return hash('sha256', value, 'base64url');
}
