/** The time as a dependency: epoch milliseconds. Tests put a clock of their own in its place. */
export interface Clock {
  now(): number;
  /** Calls back every so many ms of real time, until disposed. A clock that is moved by hand need not. */
  every?(ms: number, task: () => void): Disposable;
}

export const CLOCK = Symbol('Clock');

export const systemClock: Clock = {
  now: () => Date.now(),
  every(ms, task) {
    const timer = setInterval(task, ms).unref();
    return { [Symbol.dispose]: () => clearInterval(timer) };
  },
};
