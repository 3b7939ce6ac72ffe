import type { EntityManager } from 'typeorm';
import { limits } from '../../config/limits.js';
import { DAY_MS, dayOf, type OffsetPeriod, startOfDay } from './local-days.js';
import { correctionsOf, endOfHour, startOfHour } from './parts-of-hours.js';
import { hoursBack, type StoredSpan } from './stored-span.js';
import { dayBucket, groupsOf, HOUR_BUCKET, type UsageGroup } from './usage-query.js';
import type { UsageFilter } from './usage-filter.js';
import type { TimeSpan, UsageSplit } from './usage-sql.js';

/** The place of a group: everything older, or of its bucket with a lesser split, comes after it. */
export interface PagePlace {
  /** Start of the bucket, epoch ms. */
  readonly at: number;
  readonly split: string;
}

/** A question about buckets. Times are epoch ms; `to` is exclusive. */
export interface PageQuery extends TimeSpan {
  readonly bucket: 'hour' | 'day';
  readonly by: UsageSplit;
  readonly filter: UsageFilter;
  /** The last group of the page before; null for the newest page. */
  readonly before: PagePlace | null;
  /** Maximum number of groups. */
  readonly most: number;
}

/** The groups of a page, oldest first, and the place of the first one if older groups follow; else null. */
export interface UsagePage {
  readonly groups: readonly UsageGroup[];
  readonly next: PagePlace | null;
}

/**
 * Returns the newest groups of a span, or those after a place. A page is bounded in its groups, and in the rollups that
 * it sums up: whole buckets, as long as they have at most `limits.usagePageRollups` together.
 * @param span the part of the query's span for which there are rollups
 */
export async function pageOf(
  manager: EntityManager,
  query: PageQuery,
  span: TimeSpan,
  stored: StoredSpan,
  periods: readonly OffsetPeriod[],
): Promise<UsagePage> {
  const { before, by, most } = query;
  const { bucketOf, startOf, endOf } = bucketsOf(query.bucket, periods);
  const last = before === null ? null : bucketOf(before.at);
  const upper =
    last === null ? span.to : Math.min(span.to, before?.split === '' ? startOf(last) : endOf(last));
  const oldest = bucketOf(span.from);
  const { newest, beyond } = await hoursBack(
    manager,
    { from: span.from, to: upper },
    limits.usagePageRollups,
  );
  const first =
    beyond === null || newest === null
      ? oldest
      : Math.min(bucketOf(endOf(bucketOf(beyond))), bucketOf(newest));
  const hours = { from: Math.max(query.from, startOf(first)), to: upper };
  const groups = await groupsOf(manager, {
    hours,
    corrections: correctionsOf(query, periods, {
      from: Math.max(startOfHour(hours.from), stored.recordsFrom),
      to: Math.min(endOfHour(upper), stored.to),
    }),
    bucket: query.bucket === 'day' ? dayBucket(within(periods, hours)) : HOUR_BUCKET,
    by,
    filter: query.filter,
    projectHoursFrom: span.from >= stored.splitsFrom ? span.from : endOfDay(stored.splitsFrom),
    firstBucket: first,
    before: before === null || last === null ? null : { bucket: last, split: before.split },
    most: most + 1,
  });
  const shown = groups.slice(0, most);
  const cut = groups.length > most ? shown.at(-1) : undefined;
  const next =
    cut === undefined
      ? first > oldest
        ? { at: startOf(first), split: '' }
        : null
      : { at: startOf(cut.bucket), split: cut.split };
  return { groups: shown.toReversed(), next };
}

/** The end (exclusive) of a day of UTC of which some hours may be gone. */
function endOfDay(at: number): number {
  return Math.ceil(at / DAY_MS) * DAY_MS;
}

/** The arithmetic of buckets: hours (epoch ms), or numbers of local days. */
function bucketsOf(kind: 'hour' | 'day', periods: readonly OffsetPeriod[]) {
  if (kind === 'hour') return { bucketOf: startOfHour, startOf: (it: number) => it, endOf: endOfHour };
  return {
    bucketOf: (at: number) => dayOf(periods, at),
    startOf: (day: number) => startOfDay(periods, day),
    endOf: (day: number) => startOfDay(periods, day + 1),
  };
}

/** The offsets that hold within a span. */
function within(periods: readonly OffsetPeriod[], { from, to }: TimeSpan): readonly OffsetPeriod[] {
  return periods.filter((it) => it.end > from && it.start < to);
}
