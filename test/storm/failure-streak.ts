import type { Attempt } from './storm-turn.js';

interface Counted {
  readonly attempt: Attempt;
  /** When it was told that the program has forgotten it; infinite as long as it counts. */
  forgottenAt: number;
}

/** How many attempts on an account may have failed one after the other, at most: it doubles what the table says. */
export class InARow {
  readonly #failed = new Map<string, Counted[]>();

  /** Counts this one, too. */
  add(attempt: Attempt): number {
    const failed = [...this.#of(attempt.account), { attempt, forgottenAt: Infinity }];
    this.#failed.set(attempt.account, failed);
    return failed.filter((it) => it.forgottenAt === Infinity).length;
  }

  /** The program knows of a success, which ends the row of all that it had known before. */
  served({ account, toldAt }: Attempt): void {
    this.reset(account, toldAt);
  }

  /** All of it that was known before `from` is forgotten. */
  reset(account: string, from: number): void {
    for (const it of this.#of(account)) {
      if (it.attempt.knownAt < from && it.forgottenAt === Infinity) it.forgottenAt = Date.now();
    }
  }

  /** The program was killed at `from`, and knows at `by` what it will ever know again: also what it had just forgotten. */
  restarted(from: number, by: number, isOnDisk: (at: number) => boolean): void {
    for (const it of [...this.#failed.values()].flat()) {
      if (it.attempt.knownAt > from) it.attempt.knownAt = by;
      if (it.forgottenAt !== Infinity && !isOnDisk(it.forgottenAt)) it.forgottenAt = Infinity;
    }
  }

  #of(account: string): readonly Counted[] {
    return this.#failed.get(account) ?? [];
  }
}
