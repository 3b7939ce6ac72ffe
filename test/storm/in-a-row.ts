import type { Attempt } from './attempt.js';

/** How many attempts on an account may have failed one after the other, at most: it doubles what the table says. */
export class InARow {
  readonly #failed = new Map<string, Attempt[]>();

  /** Counts this one, too. */
  add(attempt: Attempt): number {
    const failed = [...(this.#failed.get(attempt.account) ?? []), attempt];
    this.#failed.set(attempt.account, failed);
    return failed.length;
  }

  /** The program knows of a success, which ends the row of all that it had known before. */
  served(attempt: Attempt): void {
    const failed = this.#failed.get(attempt.account) ?? [];
    this.#failed.set(
      attempt.account,
      failed.filter((it) => it.knownAt >= attempt.toldAt),
    );
  }

  /** The operator has had all of it forgotten. */
  reset(account: string, from: number): void {
    const failed = this.#failed.get(account) ?? [];
    this.#failed.set(
      account,
      failed.filter((it) => it.knownAt >= from),
    );
  }

  clear(): void {
    this.#failed.clear();
  }
}
