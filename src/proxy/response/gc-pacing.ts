import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { growYoungGeneration } from '../../runtime/young-generation.js';

/**
 * Each relayed chunk leaves a buffer of up to 64 KiB behind. V8 counts its own heap, not the memory attached to it,
 * so it lets tens of megabytes of buffers pile up before it collects. Collecting the young generation after a fixed
 * number of relayed bytes prevents that growth. The young generation is nearly empty at that point, so a collection
 * takes well under a millisecond.
 */
const COLLECT_AFTER_BYTES = 4 * 1_024 * 1_024;
/** The objects that a chunk leaves behind, besides its bytes. */
const CHUNK_BYTES = 2 * 1_024;

type MinorGc = (options: { type: 'minor' }) => void;

/** Made by the first call, because it needs a second context. */
let collect: MinorGc | null | undefined;
let passed = 0;

/** Counts relayed bytes and collects garbage when enough have passed. */
export function paceGarbageCollection(bytes: number): void {
  passed += bytes + CHUNK_BYTES;
  if (passed < COLLECT_AFTER_BYTES) return;
  passed = 0;
  growYoungGeneration();
  if (collect === undefined) collect = minorGc();
  collect?.({ type: 'minor' });
}

/** Null if the engine does not expose it; garbage is then collected at the engine's own pace. */
function minorGc(): MinorGc | null {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('typeof gc === "function" ? gc : null');
  setFlagsFromString('--no-expose-gc');
  return typeof gc === 'function' ? (options) => void Reflect.apply(gc, undefined, [options]) : null;
}
