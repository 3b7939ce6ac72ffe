import type { Attempt } from './storm-turn.js';

interface Counted {
  readonly attempt: Attempt;
  /** When the program was given reason to drop it from the count; infinite while it counts. */
  droppedAt: number;
}

/** Upper bound of consecutive failed attempts per account, counted as the failover table says. */
export class FailureStreak {
  readonly #failed = new Map<string, Counted[]>();

  /** Adds a failed attempt; returns the length of the streak including it. */
  add(attempt: Attempt): number {
    const failed = [...this.#of(attempt.account), { attempt, droppedAt: Infinity }];
    this.#failed.set(attempt.account, failed);
    return failed.filter((it) => it.droppedAt === Infinity).length;
  }

  /** The program knows of a success. It ends the streak of the failures known before. */
  succeeded({ account, issuedAt }: Attempt): void {
    this.reset(account, issuedAt);
  }

  /** Drops all failures that the program knew before `from`. */
  reset(account: string, from: number): void {
    for (const it of this.#of(account)) {
      if (it.attempt.knownAt < from && it.droppedAt === Infinity) it.droppedAt = Date.now();
    }
  }

  /**
   * The program was killed at `from`; at `by` it has loaded everything that survived. A reset that was not on disk is
   * lost, so the failures that it dropped count again.
   */
  restarted(from: number, by: number, isOnDisk: (at: number) => boolean): void {
    for (const it of [...this.#failed.values()].flat()) {
      if (it.attempt.knownAt > from) it.attempt.knownAt = by;
      if (it.droppedAt !== Infinity && !isOnDisk(it.droppedAt)) it.droppedAt = Infinity;
    }
  }

  #of(account: string): readonly Counted[] {
    return this.#failed.get(account) ?? [];
  }
}
