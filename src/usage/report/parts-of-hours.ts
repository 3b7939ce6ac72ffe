import { dayOf, midnightsWithinHours, type OffsetPeriod } from './local-days.js';
import type { Correction, TimeSpan } from './usage-sql.js';

const HOUR_MS = 3_600_000;
/** A bound on the size of a report's statement: those of the buckets of a page, and one more. */
const MOST_MIDNIGHTS = 1_001;

/**
 * Returns which records correct the sums of whole hours. A rollup counts in the bucket and the time span in which its
 * hour begins; a local day, or the time span, may begin or end later in that hour. Hours whose records are gone stay
 * rounded.
 */
export function correctionsOf(
  { from, to, bucket }: TimeSpan & { readonly bucket: 'hour' | 'day' },
  periods: readonly OffsetPeriod[],
  recorded: TimeSpan,
): Correction[] {
  const bucketOf = (at: number) => (bucket === 'day' ? dayOf(periods, at) : startOfHour(at));
  const moves: Correction[] = [];
  if (bucket === 'day') {
    for (const at of midnightsWithinHours(periods, recorded.from - HOUR_MS, recorded.to).slice(
      -MOST_MIDNIGHTS,
    )) {
      if (at <= from || at >= to) continue;
      const end = startOfHour(at) < from ? Math.min(endOfHour(at), to) : endOfHour(at);
      moves.push({ from: at, to: end, out: bucketOf(at - 1), into: bucketOf(at) });
    }
  }
  if (from < to && from !== startOfHour(from))
    moves.push({ from, to: Math.min(endOfHour(from), to), out: null, into: bucketOf(from) });
  if (to !== startOfHour(to) && startOfHour(to) >= from)
    moves.push({ from: to, to: endOfHour(to), out: bucketOf(to - 1), into: null });
  return moves.filter((it) => it.to > recorded.from && it.from < recorded.to);
}

/** Returns the beginning of the hour of UTC of a time, epoch ms. */
export function startOfHour(at: number): number {
  return Math.floor(at / HOUR_MS) * HOUR_MS;
}

/** Returns the end (exclusive) of the hour of UTC of a time, epoch ms. */
export function endOfHour(at: number): number {
  return startOfHour(at) + HOUR_MS;
}
