import { FaultDomain } from '../runtime/fault-domain.js';
import type { Faults } from '../observability/faults.js';

/**
 * Takes what nothing has caught (unhandled rejections come as uncaught exceptions): a fault of one connection ends
 * that connection; one outside any connection is noted, and `onOutside` is called. Until it is disposed.
 */
export function lastResort(faults: Faults, onOutside: () => void): Disposable {
  const onUncaught = (error: unknown): void => {
    const domain = FaultDomain.current;
    FaultDomain.leave(); // else Node would go on with the next connection in the context of this one
    if (domain !== null) return domain.failed(error);
    faults.note('process', error);
    onOutside();
  };
  process.on('uncaughtException', onUncaught);
  return { [Symbol.dispose]: () => void process.off('uncaughtException', onUncaught) };
}
