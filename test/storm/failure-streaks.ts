import { FailureStreak } from './failure-streak.js';
import type { Attempt } from './storm-turn.js';

/** Consecutive failures per account: rate limits, upstream errors and streams cut short, each counted separately. */
export class FailureStreaks {
  readonly rateLimits = new FailureStreak();
  readonly errors = new FailureStreak();
  readonly cuts = new FailureStreak();

  /** The program knows of output, complete or cut short. */
  served(attempt: Attempt): void {
    this.rateLimits.succeeded(attempt);
    this.errors.succeeded(attempt);
    if (attempt.reply !== 'breaks after output') this.cuts.succeeded(attempt);
  }

  reset(account: string, from: number): void {
    for (const it of this.#all) it.reset(account, from);
  }

  restarted(from: number, by: number, isOnDisk: (at: number) => boolean): void {
    for (const it of this.#all) it.restarted(from, by, isOnDisk);
  }

  get #all(): readonly FailureStreak[] {
    return [this.rateLimits, this.errors, this.cuts];
  }
}
