import { hash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { limits } from '../../config/limits.js';
import { backoffMs } from '../../runtime/backoff.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { networkOf } from './client-network.js';

/** The page's form, or the header `Authorization`. */
export type Door = 'form' | 'header';

interface Tries {
  readonly wrong: number;
  /** No further token is compared before this time. */
  readonly nextAt: number;
  /** When the last wrong token came. */
  readonly at: number;
  /** Hashes of the newest wrong tokens. */
  readonly tokens: readonly string[];
}

const noTries: Tries = { wrong: 0, nextAt: 0, at: 0, tokens: [] };
const maxWaitMs = { form: limits.signInWaitMaxMs, header: limits.headerWaitMaxMs } satisfies Record<
  Door,
  number
>;

/**
 * Slows down the guessing of the token, by door and by the client's network: others may sign in meanwhile. A right token
 * in a header frees no guesses, since programs that have it call often; time does.
 */
@Injectable()
export class SignInTries {
  private readonly tries = new LRUCache<string, Tries>({ max: limits.signInPeers });

  constructor(@Inject(CLOCK) private readonly clock: Clock) {}

  /** Returns how long a client must wait before its next try, ms; 0 if it need not. */
  waitMs(door: Door, peer: string): number {
    const waitMs = this.of(door, peer).nextAt - this.clock.now();
    return Math.min(Math.max(waitMs, 0), maxWaitMs[door]);
  }

  /** Whether this token was wrong before: a program with an old token repeats itself, and guesses nothing. */
  isKnownWrong(door: Door, peer: string, token: string): boolean {
    const { tokens } = this.of(door, peer);
    return tokens.length > 0 && tokens.includes(hash('sha256', token));
  }

  noteWrong(door: Door, peer: string, token: string): void {
    const before = this.of(door, peer);
    const wrong = before.wrong + 1;
    const over = wrong - limits.signInFreeTries;
    const wait = { firstMs: limits.signInWaitFirstMs, maxMs: maxWaitMs[door] };
    const at = this.clock.now();
    const nextAt = over <= 0 ? 0 : at + backoffMs(over, wait);
    const tokens = [hash('sha256', token), ...before.tokens].slice(0, limits.wrongTokensKept);
    this.tries.set(keyOf(door, peer), { wrong, nextAt, at, tokens });
  }

  noteRight(door: Door, peer: string): void {
    this.tries.delete(keyOf(door, peer));
  }

  private of(door: Door, peer: string): Tries {
    const found = this.tries.get(keyOf(door, peer)) ?? noTries;
    const ageMs = Math.abs(this.clock.now() - found.at); // the clock may be set back
    return ageMs < limits.wrongTokensKeptMs ? found : noTries;
  }
}

function keyOf(door: Door, peer: string): string {
  return `${door} ${networkOf(peer)}`;
}
