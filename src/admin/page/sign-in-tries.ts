import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { limits } from '../../config/limits.js';
import { backoffMs } from '../../runtime/backoff.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';

interface Tries {
  readonly wrong: number;
  /** No further token is compared before this time. */
  readonly nextAt: number;
}

/** Slows down the guessing of the token, by the client's address: others may sign in meanwhile. */
@Injectable()
export class SignInTries {
  private readonly byPeer = new LRUCache<string, Tries>({ max: limits.signInPeers });

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  /** Returns how long a client must wait before its next try, ms; 0 if it need not. */
  waitMs(peer: string): number {
    const waitMs = (this.byPeer.get(peer)?.nextAt ?? 0) - this.clock.now();
    return Math.min(Math.max(waitMs, 0), limits.signInWaitMaxMs);
  }

  noteWrong(peer: string): void {
    const wrong = (this.byPeer.get(peer)?.wrong ?? 0) + 1;
    const over = wrong - limits.signInFreeTries;
    const wait = { firstMs: limits.signInWaitFirstMs, maxMs: limits.signInWaitMaxMs };
    this.byPeer.set(peer, { wrong, nextAt: over <= 0 ? 0 : this.clock.now() + backoffMs(over, wait) });
  }

  noteRight(peer: string): void {
    this.byPeer.delete(peer);
  }
}
