import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../clock.js';
import { limits } from '../limits.js';

/** Where a session is; `usedAt` is epoch ms. */
export interface Affinity {
  readonly accountId: string;
  readonly usedAt: number;
}

/**
 * Which account a session belongs to, by the account's identity. Bounded: the least recently used goes
 * first, and what was idle for a week goes too.
 */
@Injectable()
export class AffinityTable {
  private readonly entries = new Map<string, Affinity>();
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

  /** At selection: parallel first requests of a session share an account. An owner stays the owner. */
  claim(sessionKey: string, accountId: string): void {
    if (this.find(sessionKey) === null) this.put(sessionKey, accountId);
  }

  /** At commit: the session follows the account that served it. */
  settle(sessionKey: string, accountId: string): void {
    const affinity = this.put(sessionKey, accountId);
    for (const watcher of this.watchers) watcher(sessionKey, affinity);
  }

  /** Calls back whenever a session has settled on an account. */
  onSettle(watcher: (sessionKey: string, affinity: Affinity) => void): void {
    this.watchers.push(watcher);
  }

  /** Puts a session where it was before a restart; from the least recently used to the most. */
  restore(sessionKey: string, affinity: Affinity): void {
    this.entries.set(sessionKey, affinity);
    this.bound();
  }

  private put(sessionKey: string, accountId: string): Affinity {
    const affinity = { accountId, usedAt: this.clock.now() };
    this.entries.delete(sessionKey);
    this.entries.set(sessionKey, affinity);
    this.bound();
    return affinity;
  }

  private bound(): void {
    const oldest = this.entries.keys().next();
    if (this.entries.size > limits.affinitySessions && oldest.done !== true)
      this.entries.delete(oldest.value);
  }
}
