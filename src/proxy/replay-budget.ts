import { limits } from '../limits.js';

/** Counts the bytes that all requests together keep for another attempt. */
export class ReplayBudget {
  private kept = 0;

  get bytes(): number {
    return this.kept;
  }

  /** Claims room; false when the process has none left. */
  claim(bytes: number): boolean {
    if (this.kept + bytes > limits.replayBytesInTotal) return false;
    this.kept += bytes;
    return true;
  }

  giveBack(bytes: number): void {
    this.kept -= bytes;
  }
}
