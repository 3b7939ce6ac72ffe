import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../clock.js';
import { limits } from '../limits.js';

/** Where a session is; `usedAt` is epoch ms. */
export interface Affinity {
  readonly accountId: string;
  readonly usedAt: number;
  /** The account that served the session before it moved here; null when it has never moved. */
  readonly formerId: string | null;
}

interface Entry extends Affinity {
  /** Whether the account has served the session, or is only about to. */
  readonly isSettled: boolean;
}

/**
 * Which account a session belongs to, by the account's identity. Bounded: the least recently used goes
 * first, and what was idle for a week goes too.
 */
@Injectable()
export class AffinityTable {
  private readonly entries = new Map<string, Entry>();
  private readonly watchers: ((sessionKey: string, affinity: Affinity) => void)[] = [];

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  get size(): number {
    return this.entries.size;
  }

  find(sessionKey: string): string | null {
    const entry = this.entries.get(sessionKey);
    if (entry === undefined) return null;
    if (this.clock.now() - entry.usedAt <= limits.affinityIdleMs) return entry.accountId;
    this.entries.delete(sessionKey);
    return null;
  }

  /** The account that served the session before the one that it is with now; null when none did. */
  formerOf(sessionKey: string): string | null {
    return this.find(sessionKey) === null ? null : (this.entries.get(sessionKey)?.formerId ?? null);
  }

  /** At selection: parallel first requests of a session share an account. Who has it already keeps it. */
  claim(sessionKey: string, accountId: string): void {
    if (this.find(sessionKey) === null) this.put(sessionKey, accountId, false);
  }

  /** At selection, when the session's account is out: parallel requests of a session move together. */
  move(sessionKey: string, accountId: string): void {
    this.put(sessionKey, accountId, false);
  }

  /** At commit: the session follows the account that served it. */
  settle(sessionKey: string, accountId: string): void {
    const { isSettled: _, ...affinity } = this.put(sessionKey, accountId, true);
    for (const watcher of this.watchers) watcher(sessionKey, affinity);
  }

  /** Calls back whenever a session has settled on an account. */
  onSettle(watcher: (sessionKey: string, affinity: Affinity) => void): void {
    this.watchers.push(watcher);
  }

  /** Puts a session where it was before a restart; from the least recently used to the most. */
  restore(sessionKey: string, affinity: Affinity): void {
    this.entries.set(sessionKey, { ...affinity, isSettled: true });
    this.bound();
  }

  private put(sessionKey: string, accountId: string, isSettled: boolean): Entry {
    const before = this.entries.get(sessionKey) ?? null;
    const hasLeft = before !== null && before.isSettled && before.accountId !== accountId;
    const formerId = hasLeft ? before.accountId : (before?.formerId ?? null);
    const entry = {
      accountId,
      usedAt: this.clock.now(),
      formerId: formerId === accountId ? null : formerId,
      // Chosen once more by another request, it stays what it was.
      isSettled: isSettled || (before !== null && before.isSettled && before.accountId === accountId),
    };
    this.entries.delete(sessionKey);
    this.entries.set(sessionKey, entry);
    this.bound();
    return entry;
  }

  private bound(): void {
    const oldest = this.entries.keys().next();
    if (this.entries.size > limits.affinitySessions && oldest.done !== true)
      this.entries.delete(oldest.value);
  }
}
