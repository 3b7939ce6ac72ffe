import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../clock.js';
import { limits } from '../limits.js';

interface Entry {
  readonly accountId: string;
  readonly usedAt: number;
}

/**
 * Which account a session belongs to, by the account's identity. Bounded: the least recently used goes
 * first, and what was idle for a week goes too.
 */
@Injectable()
export class AffinityTable {
  private readonly entries = new Map<string, Entry>();

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
    this.put(sessionKey, accountId);
  }

  private put(sessionKey: string, accountId: string): void {
    this.entries.delete(sessionKey);
    this.entries.set(sessionKey, { accountId, usedAt: this.clock.now() });
    if (this.entries.size <= limits.affinitySessions) return;
    const oldest = this.entries.keys().next();
    if (oldest.done !== true) this.entries.delete(oldest.value);
  }
}
