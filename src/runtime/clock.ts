/** Time as a dependency, in epoch ms, so that tests can replace it. */
export interface Clock {
  now(): number;
  /** Calls back every `ms` of real time until disposed. Optional: clocks that tests move by hand omit it. */
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
