import { limits } from '../../config/limits.js';

/** Counts the bytes of bodies that all requests hold together, for another attempt or to look into them. */
export class ReplayBudget {
  private held = 0;

  constructor(private readonly maxBytes: number = limits.replayBytesInTotal) {}

  get bytes(): number {
    return this.held;
  }

  /** Claims room; false if the process has none left. */
  claim(bytes: number): boolean {
    if (this.held + bytes > this.maxBytes) return false;
    this.held += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.held -= bytes;
  }
}

/** The room of one holder: claimed piece by piece, returned all at once and only once. */
export class BudgetClaim implements Disposable {
  private claimed = 0;

  constructor(private readonly budget: ReplayBudget) {}

  get bytes(): number {
    return this.claimed;
  }

  /** Claims this many more bytes; false, and nothing changes, if the process has none left. */
  more(bytes: number): boolean {
    if (!this.budget.claim(bytes)) return false;
    this.claimed += bytes;
    return true;
  }

  [Symbol.dispose](): void {
    this.budget.giveBack(this.claimed);
    this.claimed = 0;
  }
}
