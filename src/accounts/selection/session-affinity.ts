import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { limits } from '../../config/limits.js';

/** The account of a session; `usedAt` is epoch ms. */
export interface Affinity {
  readonly accountId: string;
  readonly usedAt: number;
  /** The account that served the session before it moved here; null if it has never moved. */
  readonly formerId: string | null;
  /** Whether other accounts served some of its turns, although it has not moved. */
  readonly wasServedElsewhere: boolean;
}

/** A session as the operator sees it. */
export interface SessionEntry {
  readonly session: string;
  /** The account that served it, or is about to serve its first turn. */
  readonly accountId: string | null;
  readonly formerId: string | null;
  readonly movesToId: string | null;
  readonly usedAt: number;
}

/** The state of a session: the account that served it, one that is about to, or both while it may be moving. */
interface Entry {
  readonly settled: Affinity | null;
  readonly tentativeId: string | null;
  /** Whether a turn of the session overflowed to another account. */
  readonly wasServedElsewhere: boolean;
  /** The account that failed the last turn after output; the next turn prefers any other. */
  readonly avoidedId: string | null;
  /** The account that the operator has chosen for the next turn; null if none. */
  readonly movesToId: string | null;
  readonly usedAt: number;
}

/**
 * Maps each session to the identity of its account. Bounded: evicts the least recently used session, and
 * forgets sessions that were idle for a week.
 */
@Injectable()
export class SessionAffinity {
  private readonly entries = new LRUCache<string, Entry>({ max: limits.affinitySessions });
  private readonly watchers: ((sessionKey: string, affinity: Affinity) => void)[] = [];
  private readonly forgetWatchers: ((sessionKey: string) => void)[] = [];

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  get size(): number {
    return this.entries.size;
  }

  /** Returns the account that last served the session; null if none has. */
  find(sessionKey: string): string | null {
    return this.entryOf(sessionKey)?.settled?.accountId ?? null;
  }

  /** Returns the account to which another, still unserved request of the session was sent; null if none. */
  tentative(sessionKey: string): string | null {
    return this.entryOf(sessionKey)?.tentativeId ?? null;
  }

  /** Returns the account that served the session before its current one; null if none. */
  formerOf(sessionKey: string): string | null {
    return this.entryOf(sessionKey)?.settled?.formerId ?? null;
  }

  /** Returns whether other accounts served some of its turns, although it has not moved. */
  wasServedElsewhere(sessionKey: string): boolean {
    return this.entryOf(sessionKey)?.wasServedElsewhere ?? false;
  }

  /** Returns the account that the next turn avoids while another can serve; null if none. */
  avoided(sessionKey: string): string | null {
    return this.entryOf(sessionKey)?.avoidedId ?? null;
  }

  /** Returns the account that the operator has chosen for the next turn; null if none. */
  movesTo(sessionKey: string): string | null {
    return this.entryOf(sessionKey)?.movesToId ?? null;
  }

  /** Returns all sessions, last used first. */
  list(): SessionEntry[] {
    const all = [...this.entries.keys()].map((it) => this.entry(it)).filter((it) => it !== null);
    return all.toSorted((a, b) => b.usedAt - a.usedAt || (a.session < b.session ? -1 : 1));
  }

  /** Returns a session; null if it is unknown. */
  entry(sessionKey: string): SessionEntry | null {
    const entry = this.entryOf(sessionKey);
    if (entry === null) return null;
    const { settled, tentativeId, movesToId, usedAt } = entry;
    return {
      session: sessionKey,
      accountId: settled?.accountId ?? tentativeId,
      formerId: settled?.formerId ?? null,
      movesToId,
      usedAt,
    };
  }

  /**
   * Has the next turn of a known session go to this account, if it can serve then. Its own account: it stays. Turns in
   * flight stay where they are.
   */
  move(sessionKey: string, accountId: string): void {
    const entry = this.entryOf(sessionKey);
    if (entry === null) return;
    const isThere = entry.settled?.accountId === accountId;
    this.entries.set(sessionKey, { ...entry, movesToId: isThere ? null : accountId });
  }

  /** Forgets a session: its next turn is placed like that of a new one. Returns whether it was known. */
  forget(sessionKey: string): boolean {
    const isKnown = this.entries.delete(sessionKey);
    if (isKnown) for (const watcher of this.forgetWatchers) watcher(sessionKey);
    return isKnown;
  }

  /** Registers a callback for every session that is forgotten by `forget`. */
  onForget(watcher: (sessionKey: string) => void): void {
    this.forgetWatchers.push(watcher);
  }

  /** Avoids an account that failed a turn of the session after output, until the session is served again. */
  avoid(sessionKey: string, accountId: string): void {
    const entry = this.entryOf(sessionKey);
    if (entry !== null) this.entries.set(sessionKey, { ...entry, avoidedId: accountId });
  }

  /** Notes that other accounts served some of its turns: a turn overflowed, or the history shows it. */
  markServedElsewhere(sessionKey: string): void {
    const entry = this.entryOf(sessionKey);
    if (entry === null || entry.wasServedElsewhere) return;
    const settled = entry.settled === null ? null : { ...entry.settled, wasServedElsewhere: true };
    this.entries.set(sessionKey, { ...entry, settled, wasServedElsewhere: true });
    if (settled !== null) this.notify(sessionKey, settled);
  }

  /**
   * Called at selection, so that parallel requests of a session share an account. The settled account stays. With a turn
   * the operator's choice is done; a handshake before it, or any other request, leaves the choice to the turn.
   */
  claim(sessionKey: string, accountId: string, isTurn = true): void {
    const entry = this.entryOf(sessionKey);
    const tentativeId = entry?.settled?.accountId === accountId ? entry.tentativeId : accountId;
    const wasServedElsewhere = entry?.wasServedElsewhere ?? false;
    const settled = entry?.settled ?? null;
    const avoidedId = entry?.avoidedId ?? null;
    this.entries.set(sessionKey, {
      settled,
      tentativeId,
      wasServedElsewhere,
      avoidedId,
      movesToId: isTurn ? null : (entry?.movesToId ?? null),
      usedAt: this.clock.now(),
    });
  }

  /**
   * Called at commit: the session moves to the account that served it. A request that began (`startedAt`, epoch ms)
   * before the session moved does not move it back.
   */
  settle(sessionKey: string, accountId: string, startedAt = this.clock.now()): void {
    const entry = this.entryOf(sessionKey);
    const before = entry?.settled ?? null;
    const hasMoved = before !== null && before.accountId !== accountId;
    if (hasMoved && startedAt < before.usedAt) return this.markServedElsewhere(sessionKey);
    const formerId = hasMoved ? before.accountId : (before?.formerId ?? null);
    const wasServedElsewhere = entry?.wasServedElsewhere ?? false;
    const settled = { accountId, usedAt: this.clock.now(), formerId, wasServedElsewhere };
    this.entries.set(sessionKey, {
      settled,
      tentativeId: null,
      wasServedElsewhere,
      avoidedId: null,
      movesToId: entry?.movesToId ?? null,
      usedAt: settled.usedAt,
    });
    this.notify(sessionKey, settled);
  }

  /** Registers a callback for every session that settles on an account. */
  onSettle(watcher: (sessionKey: string, affinity: Affinity) => void): void {
    this.watchers.push(watcher);
  }

  /** Restores a session after a restart. Call it from the least recently used to the most. */
  restore(sessionKey: string, affinity: Affinity): void {
    const { usedAt, wasServedElsewhere } = affinity;
    this.entries.set(sessionKey, {
      settled: affinity,
      tentativeId: null,
      wasServedElsewhere,
      avoidedId: null,
      movesToId: null,
      usedAt,
    });
  }

  private notify(sessionKey: string, affinity: Affinity): void {
    for (const watcher of this.watchers) watcher(sessionKey, affinity);
  }

  private entryOf(sessionKey: string): Entry | null {
    const entry = this.entries.peek(sessionKey); // a lookup is not a use
    if (entry === undefined) return null;
    if (this.clock.now() - entry.usedAt <= limits.affinityIdleMs) return entry;
    this.entries.delete(sessionKey);
    return null;
  }
}
