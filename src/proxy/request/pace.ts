import { setImmediate } from 'node:timers/promises';

/** Longest time in ms that a long computation holds the event loop before it lets other work run. */
const STINT_MS = 3;

/** Paces a long computation on the event loop: it asks after each small step whether to let other work run. */
export class Pace {
  private since = performance.now();

  get isDue(): boolean {
    return performance.now() - this.since > STINT_MS;
  }

  /** Resolves when the work that was waiting has run. */
  async letOthersRun(): Promise<void> {
    await setImmediate();
    this.since = performance.now();
  }
}
