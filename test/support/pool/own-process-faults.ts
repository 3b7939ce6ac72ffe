import { Faults } from '../../../src/observability/faults.js';
import { handleUncaught } from '../../../src/bootstrap/uncaught-exceptions.js';
import type { TestPool } from './pool.js';

const kinds = ['uncaughtException', 'unhandledRejection'] as const;

/**
 * Routes uncaught errors of this process to the program's last-resort handler, as in production, instead of to the test
 * runner.
 */
export class OwnProcessFaults implements Disposable {
  /** Number of faults outside any connection. */
  outside = 0;
  readonly #runners = kinds.map((kind) => ({ kind, listeners: process.rawListeners(kind) }));
  readonly #resort: Disposable;

  constructor(pool: TestPool) {
    for (const kind of kinds) process.removeAllListeners(kind);
    this.#resort = handleUncaught(pool.running.app.get(Faults), () => (this.outside += 1));
  }

  [Symbol.dispose](): void {
    this.#resort[Symbol.dispose]();
    for (const { kind, listeners } of this.#runners)
      for (const it of listeners)
        process.on(kind, (...args: unknown[]) => void Reflect.apply(it, process, args));
  }
}

/**
 * Breaks the next call of a method in the running program: `fault` is called first, with its arguments. If it does not
 * throw, the method runs as usual.
 */
export function breaksOnce(part: object, method: string, fault: (...args: never[]) => unknown): void {
  const works: unknown = Reflect.get(part, method);
  if (typeof works !== 'function') throw new TypeError(`${method} is not a method`);
  Reflect.set(part, method, (...args: unknown[]): unknown => {
    Reflect.set(part, method, works);
    Reflect.apply(fault, null, args);
    return Reflect.apply(works, part, args);
  });
}
