import type { Clock } from '../../src/runtime/clock.js';

/** A clock that stands still until the test moves it. */
export class FakeClock implements Clock {
  #now: number;
  readonly #tasks = new Set<() => void>();

  constructor(startsAt = Date.now()) {
    this.#now = startsAt;
  }

  now(): number {
    return this.#now;
  }

  advance(ms: number): void {
    this.#now += ms;
  }

  every(_ms: number, task: () => void): Disposable {
    this.#tasks.add(task);
    return { [Symbol.dispose]: () => void this.#tasks.delete(task) };
  }

  /** Runs all interval callbacks now. Advancing the clock alone does not. */
  tick(): void {
    for (const task of this.#tasks) task();
  }
}

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
