import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/**
 * The memory of V8's young generation. V8 doubles it whenever much of it survives a collection, up to 128 MiB, and
 * seldom returns any of it. Loading the modules of the program makes it grow although the program at rest needs none of
 * it, and a load of streams gains nothing above a few megabytes.
 */
const GROWN_BYTES = 16 * 1_024 * 1_024;

let isGrowing = false;
let isGrown = false;

/** Keeps the young generation as it is. Call it first of all at the start. */
export function holdYoungGeneration(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** Lets the young generation grow, up to `GROWN_BYTES`. Call it again and again while there is load. */
export function growYoungGeneration(): void {
  if (isGrown) return;
  const size = getHeapSpaceStatistics().find((it) => it.space_name === 'new_space')?.space_size ?? 0;
  isGrown = size >= GROWN_BYTES;
  if (isGrown) holdYoungGeneration();
  else if (!isGrowing) setFlagsFromString('--semi-space-growth-factor=2');
  isGrowing = true;
}
