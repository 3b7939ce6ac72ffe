import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Every chunk that passes leaves a buffer of up to 64 KiB behind. V8 lets tens of megabytes of them pile up
 * before it looks, because it counts its own heap and not what hangs on it: the process would grow by that
 * with the first long answer. So the young generation is collected after this many bytes have passed; it
 * is nearly empty then, and that takes well under a millisecond.
 */
const COLLECT_AFTER_BYTES = 8 * 1_024 * 1_024;

type MinorGc = (options: { type: 'minor' }) => void;

const collect = minorGc();
let passed = 0;

/** Tells of bytes that have been passed on. */
export function paceGarbageCollection(bytes: number): void {
  passed += bytes;
  if (passed < COLLECT_AFTER_BYTES) return;
  passed = 0;
  collect?.({ type: 'minor' });
}

/** Null where the engine has no such thing; then it collects as it likes. */
function minorGc(): MinorGc | null {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('typeof gc === "function" ? gc : null');
  setFlagsFromString('--no-expose-gc');
  return typeof gc === 'function' ? (options) => void Reflect.apply(gc, undefined, [options]) : null;
}
