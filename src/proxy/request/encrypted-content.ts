import { Pace } from './pace.js';
import type { ReasoningItem } from './reasoning-items.js';

/** The number of bytes that `withoutItems` leaves. */
export function bytesWithout(body: Buffer, removed: readonly ReasoningItem[]): number {
  let bytes = body.length;
  for (const [from, to] of cutsOf(removed)) bytes -= to - from;
  return bytes;
}

/**
 * Removes items from the input of a request, in their order (docs/protocol.md, errors). All other bytes stay unchanged.
 * At least one item of the input must remain.
 */
export async function withoutItems(body: Buffer, removed: readonly ReasoningItem[]): Promise<Buffer> {
  const left = Buffer.allocUnsafe(bytesWithout(body, removed));
  const pace = new Pace();
  let [length, kept] = [0, 0];
  const copyTo = async (end: number): Promise<void> => {
    for (let at = kept; at < end; at += COPY_BYTES) {
      length += body.copy(left, length, at, Math.min(at + COPY_BYTES, end));
      if (pace.isDue) await pace.letOthersRun();
    }
  };
  for (const [from, to] of cutsOf(removed)) {
    await copyTo(from);
    kept = to;
  }
  await copyTo(body.length);
  return left;
}

/** Bytes between two looks at the clock. */
const COPY_BYTES = 1_024 * 1_024;

/** The bytes to cut. The separator before an item goes with it; before the first remaining item, the one after it. */
function* cutsOf(removed: readonly ReasoningItem[]): Generator<readonly [from: number, to: number]> {
  let leadingEnd: number | null = null;
  for (const { at, end, endBefore, nextAt } of removed) {
    const isLeading = endBefore === null || endBefore === leadingEnd;
    if (isLeading) leadingEnd = end;
    yield isLeading ? [at, nextAt ?? end] : [endBefore, end];
  }
}
