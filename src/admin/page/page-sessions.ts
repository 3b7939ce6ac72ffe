import { hash, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { limits } from '../../config/limits.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';

/**
 * Browsers that have shown the operator's token. In memory only: a restart, and with it a changed token, ends all. Kept
 * by their hash, so that a look-up takes no longer for an id that is nearly right.
 */
@Injectable()
export class PageSessions {
  /** When each session ends, by the hash of its id; oldest first. */
  private readonly ends = new Map<string, number>();

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  /** Begins a session and returns its id. At the limit the oldest session ends. */
  open(): string {
    const id = randomBytes(32).toString('base64url');
    for (const oldest of this.ends.keys()) {
      if (this.ends.size < limits.pageSessions) break;
      this.ends.delete(oldest);
    }
    this.ends.set(hashOf(id), this.clock.now() + limits.pageSessionMs);
    return id;
  }

  /** Returns when a session ends, epoch ms; null if there is none. */
  endOf(id: string): number | null {
    const key = hashOf(id);
    const end = this.ends.get(key);
    if (end === undefined) return null;
    if (end > this.clock.now()) return end;
    this.ends.delete(key);
    return null;
  }

  close(id: string): void {
    this.ends.delete(hashOf(id));
  }
}

function hashOf(id: string): string {
  return hash('sha256', id);
}
