import { NotReachableError } from '../command/proxy-client.js';

/**
 * Asks the running proxy; if none listens, works on the files instead. A proxy that is only silent may hold them, so its
 * error is passed on.
 */
export async function orOffline<T, U>(ask: () => Promise<T>, offline: () => Promise<U>): Promise<T | U> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof NotReachableError && !error.mayRun) return await offline();
    throw error;
  }
}
