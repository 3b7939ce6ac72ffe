import type { Attempt } from './storm-turn.js';
import { InARow } from './failure-streak.js';

/** What counts in a row on an account: rate limits, upstream errors and cuts, each for itself. */
export class Rows {
  readonly rateLimits = new InARow();
  readonly errors = new InARow();
  readonly cuts = new InARow();

  /** The program knows of output, which was whole or not. */
  served(attempt: Attempt): void {
    this.rateLimits.served(attempt);
    this.errors.served(attempt);
    if (attempt.told !== 'breaks after output') this.cuts.served(attempt);
  }

  reset(account: string, from: number): void {
    for (const it of this.#all) it.reset(account, from);
  }

  restarted(from: number, by: number, isOnDisk: (at: number) => boolean): void {
    for (const it of this.#all) it.restarted(from, by, isOnDisk);
  }

  get #all(): readonly InARow[] {
    return [this.rateLimits, this.errors, this.cuts];
  }
}
