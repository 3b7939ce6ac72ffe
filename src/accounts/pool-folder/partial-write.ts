import { limits } from '../../config/limits.js';

/**
 * Whether a file that cannot be used may still be being written. `unchangedMs`: since it was last written to; null
 * where that cannot be told, as of a link to nothing.
 */
export function mayBePartialWrite(knownMs: number, unchangedMs: number | null): boolean {
  // The upper limit is for a file that is written to for ever, or dated in the future.
  return knownMs < limits.partialWriteAtMostMs && (unchangedMs ?? knownMs) < limits.partialWriteMs;
}
