/** The time as a dependency: epoch milliseconds. Tests put a clock of their own in its place. */
export interface Clock {
  now(): number;
}

export const CLOCK = Symbol('Clock');

export const systemClock: Clock = { now: () => Date.now() };
