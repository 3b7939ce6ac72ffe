import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';

/**
 * The memory of V8's young generation. V8 doubles it whenever much of it survives a collection, up to 128 MiB. Loading
 * the modules of the program makes it grow although the program at rest needs none of it. Under load it must hold what
 * all turns in flight refer to: if it is smaller, their objects move to the old generation, whose collections take tens
 * of milliseconds. V8 shrinks it again at rest.
 */
const GROWN_BYTES = 16 * 1_024 * 1_024;

let isHeld = false;

/** Keeps the young generation as it is. Call it first of all at the start. */
export function holdYoungGeneration(): void {
  isHeld = true;
  setFlagsFromString('--semi-space-growth-factor=1');
}

/** Lets the young generation grow, up to `GROWN_BYTES`. Call it again and again while there is load. */
export function growYoungGeneration(): void {
  const size = getHeapSpaceStatistics().find((it) => it.space_name === 'new_space')?.space_size ?? 0;
  const isGrown = size >= GROWN_BYTES;
  if (isGrown === isHeld) return;
  if (isGrown) return holdYoungGeneration();
  isHeld = false;
  setFlagsFromString('--semi-space-growth-factor=2');
}
