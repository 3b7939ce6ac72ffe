import { FaultDomain } from '../runtime/fault-domain.js';
import type { Faults } from '../observability/faults.js';

/**
 * Handles uncaught exceptions (Node raises unhandled rejections as such) until disposed. A fault of one connection
 * ends that connection. A fault outside any connection is reported, and `onOutside` is called.
 */
export function handleUncaught(faults: Faults, onOutside: () => void): Disposable {
  const onUncaught = (error: unknown): void => {
    const domain = FaultDomain.current;
    FaultDomain.leave(); // otherwise Node would handle the next connection in the context of this one
    if (domain !== null) return domain.failed(error);
    faults.note('process', error);
    onOutside();
  };
  process.on('uncaughtException', onUncaught);
  return { [Symbol.dispose]: () => void process.off('uncaughtException', onUncaught) };
}
