/** Wraps a callback of a socket or timer so that it never throws. */
export type Guard = <T extends unknown[]>(work: (...args: T) => void) => (...args: T) => void;

/** Returns a guard that reports what a callback throws. */
export function guard(onFault: (error: unknown) => void): Guard {
  return (work) =>
    (...args) => {
      try {
        work(...args);
      } catch (error) {
        onFault(error);
      }
    };
}
