import { limits } from '../../config/limits.js';

/**
 * Returns whether a broken file may be a partial write. `knownMs`: time since it was first seen broken.
 * `unchangedMs`: time since its last write; null if unknown, as for a dangling link.
 */
export function mayBePartialWrite(knownMs: number, unchangedMs: number | null): boolean {
  // The upper limit covers files that are written to endlessly or dated in the future.
  return knownMs < limits.partialWriteAtMostMs && (unchangedMs ?? knownMs) < limits.partialWriteMs;
}
