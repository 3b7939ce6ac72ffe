import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { limits } from '../../config/limits.js';

/** Where a session is; `usedAt` is epoch ms. */
export interface Affinity {
  readonly accountId: string;
  readonly usedAt: number;
  /** The account that served the session before it moved here; null when it has never moved. */
  readonly formerId: string | null;
  /** Other accounts have made some of it, although it has not moved. */
  readonly hasBeenElsewhere: boolean;
}

/** What a session has: an account that has served it, one that is about to, or both while it may be moving. */
interface Entry {
  readonly settled: Affinity | null;
  readonly tentativeId: string | null;
  /** A turn of it overflowed to another account. */
  readonly hasBeenElsewhere: boolean;
  /** The account that has failed its last turn after output: the next turn prefers every other one. */
  readonly avoidedId: string | null;
  readonly usedAt: number;
}

/**
 * Which account a session belongs to, by the account's identity. Bounded: the least recently used goes
 * first, and what was idle for a week goes too.
 */
@Injectable()
export class SessionAffinity {
  private readonly entries = new LRUCache<string, Entry>({ max: limits.affinitySessions });
  private readonly watchers: ((sessionKey: string, affinity: Affinity) => void)[] = [];

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  get size(): number {
    return this.entries.size;
  }

  /** The account that has last served the session; null when none has. */
  find(sessionKey: string): string | null {
    return this.entryOf(sessionKey)?.settled?.accountId ?? null;
  }

  /** The account that another request of the session was sent to, which has not been served yet; null without one. */
  tentative(sessionKey: string): string | null {
    return this.entryOf(sessionKey)?.tentativeId ?? null;
  }

  /** The account that served the session before the one that it is with now; null when none did. */
  formerOf(sessionKey: string): string | null {
    return this.entryOf(sessionKey)?.settled?.formerId ?? null;
  }

  /** Whether other accounts have made some of the session, although it has not moved. */
  hasBeenElsewhere(sessionKey: string): boolean {
    return this.entryOf(sessionKey)?.hasBeenElsewhere ?? false;
  }

  /** The account that the next turn of the session avoids while another can serve; null without one. */
  avoided(sessionKey: string): string | null {
    return this.entryOf(sessionKey)?.avoidedId ?? null;
  }

  /** The account has failed a turn of the session after output; in force until the session is served again. */
  avoid(sessionKey: string, accountId: string): void {
    const entry = this.entryOf(sessionKey);
    if (entry !== null) this.entries.set(sessionKey, { ...entry, avoidedId: accountId });
  }

  /** Other accounts have made some of the session: a turn of it overflowed, or its history has shown it. */
  wasElsewhere(sessionKey: string): void {
    const entry = this.entryOf(sessionKey);
    if (entry === null || entry.hasBeenElsewhere) return;
    const settled = entry.settled === null ? null : { ...entry.settled, hasBeenElsewhere: true };
    this.entries.set(sessionKey, { ...entry, settled, hasBeenElsewhere: true });
    if (settled !== null) this.tell(sessionKey, settled);
  }

  /** At selection: parallel requests of a session share an account. It stays with the one that has served it. */
  claim(sessionKey: string, accountId: string): void {
    const entry = this.entryOf(sessionKey);
    const tentativeId = entry?.settled?.accountId === accountId ? entry.tentativeId : accountId;
    const hasBeenElsewhere = entry?.hasBeenElsewhere ?? false;
    const settled = entry?.settled ?? null;
    const avoidedId = entry?.avoidedId ?? null;
    this.entries.set(sessionKey, {
      settled,
      tentativeId,
      hasBeenElsewhere,
      avoidedId,
      usedAt: this.clock.now(),
    });
  }

  /**
   * At commit: the session follows the account that served it. A request that began (`startedAt`, epoch ms) before
   * the session moved elsewhere does not bring it back.
   */
  settle(sessionKey: string, accountId: string, startedAt = this.clock.now()): void {
    const entry = this.entryOf(sessionKey);
    const before = entry?.settled ?? null;
    const hasMoved = before !== null && before.accountId !== accountId;
    if (hasMoved && startedAt < before.usedAt) return this.wasElsewhere(sessionKey);
    const formerId = hasMoved ? before.accountId : (before?.formerId ?? null);
    const hasBeenElsewhere = entry?.hasBeenElsewhere ?? false;
    const settled = { accountId, usedAt: this.clock.now(), formerId, hasBeenElsewhere };
    this.entries.set(sessionKey, {
      settled,
      tentativeId: null,
      hasBeenElsewhere,
      avoidedId: null,
      usedAt: settled.usedAt,
    });
    this.tell(sessionKey, settled);
  }

  /** Calls back whenever a session has settled on an account. */
  onSettle(watcher: (sessionKey: string, affinity: Affinity) => void): void {
    this.watchers.push(watcher);
  }

  /** Puts a session where it was before a restart; from the least recently used to the most. */
  restore(sessionKey: string, affinity: Affinity): void {
    const { usedAt, hasBeenElsewhere } = affinity;
    this.entries.set(sessionKey, {
      settled: affinity,
      tentativeId: null,
      hasBeenElsewhere,
      avoidedId: null,
      usedAt,
    });
  }

  private tell(sessionKey: string, affinity: Affinity): void {
    for (const watcher of this.watchers) watcher(sessionKey, affinity);
  }

  private entryOf(sessionKey: string): Entry | null {
    const entry = this.entries.peek(sessionKey); // a look-up is not a use
    if (entry === undefined) return null;
    if (this.clock.now() - entry.usedAt <= limits.affinityIdleMs) return entry;
    this.entries.delete(sessionKey);
    return null;
  }
}
