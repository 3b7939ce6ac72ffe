const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** No zone keeps an offset for a shorter time: Morocco's pause of summer time lasts a month. */
const STEP_MS = 7 * DAY_MS;
/** Offsets are looked up for at most this time before the end of a span; before it, the earliest one holds. */
const LONGEST_MS = 60 * 366 * DAY_MS;

/** A time with a constant offset from UTC. `start` and `end` (exclusive) are epoch ms; the first and last are open. */
export interface OffsetPeriod {
  readonly start: number;
  readonly end: number;
  /** Local time minus UTC, ms. */
  readonly offsetMs: number;
}

/** Returns the zone of this machine, or UTC if it is unknown. */
export function machineZone(): string {
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  return isTimeZone(timeZone) ? timeZone : 'UTC';
}

/** Returns whether a name is a time zone (IANA, in any case) that this program knows. */
export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** Returns the offsets of a zone between two times (epoch ms), oldest first, at least one. */
export function offsetPeriods(zone: string, from: number, to: number): readonly OffsetPeriod[] {
  const offsetAt = offsetsOf(zone);
  const periods: OffsetPeriod[] = [];
  let start = -Infinity;
  let at = Math.max(from, to - LONGEST_MS);
  let offsetMs = offsetAt(at);
  while (at < to) {
    const next = Math.min(at + STEP_MS, to);
    const nextOffset = offsetAt(next);
    if (nextOffset !== offsetMs) {
      const end = firstWith(at, next, (time) => offsetAt(time) !== offsetMs);
      periods.push({ start, end, offsetMs });
      start = end;
      offsetMs = nextOffset;
    }
    at = next;
  }
  return [...periods, { start, end: Infinity, offsetMs }];
}

/** Returns the number of the local day (days since 1970-01-01) of a time. */
export function dayOf(periods: readonly OffsetPeriod[], at: number): number {
  const period = periods.find((it) => at < it.end);
  return Math.floor((at + (period?.offsetMs ?? 0)) / DAY_MS);
}

/** Returns when a local day begins (epoch ms); for a day that the zone has skipped, when the next one does. */
export function startOfDay(periods: readonly OffsetPeriod[], day: number): number {
  for (const { start, end, offsetMs } of periods) {
    const at = Math.max(start, day * DAY_MS - offsetMs);
    if (at < end) return at;
  }
  return day * DAY_MS;
}

/** Returns when a date (`2026-03-29`) begins in a zone, epoch ms. */
export function startOfDate(zone: string, date: string): number {
  const utc = Date.parse(date);
  return startOfDay(offsetPeriods(zone, utc - 2 * DAY_MS, utc + 2 * DAY_MS), utc / DAY_MS);
}

/** Returns when the local day of a time begins in a zone, epoch ms. */
export function startOfLocalDay(zone: string, at: number): number {
  const periods = offsetPeriods(zone, at - 2 * DAY_MS, at + 2 * DAY_MS);
  return startOfDay(periods, dayOf(periods, at));
}

/** Returns the date of a local day, such as `2026-03-29`. */
export function dateOf(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** Returns the beginnings of days between two times (exclusive) that fall into the middle of an hour of UTC. */
export function midnightsWithinHours(
  periods: readonly OffsetPeriod[],
  from: number,
  to: number,
): readonly number[] {
  const found: number[] = [];
  for (const { start, end, offsetMs } of periods) {
    if (offsetMs % HOUR_MS === 0) continue;
    const last = Math.min(end, to);
    const first = Math.floor((Math.max(start, from) + offsetMs) / DAY_MS) + 1;
    for (let at = first * DAY_MS - offsetMs; at < last; at += DAY_MS) found.push(at);
  }
  return found;
}

/** Returns the earliest whole second between two times for which a condition holds, as it does at `to`. */
function firstWith(from: number, to: number, isTrue: (time: number) => boolean): number {
  let [before, after] = [Math.floor(from / 1_000), Math.ceil(to / 1_000)];
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (isTrue(middle * 1_000)) after = middle;
    else before = middle;
  }
  return after * 1_000;
}

/** Returns a function that gives a zone's offset from UTC at a time, ms. */
function offsetsOf(zone: string): (at: number) => number {
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'gregory',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (at) => {
    const second = Math.floor(at / 1_000) * 1_000;
    const parts = Object.fromEntries(clock.formatToParts(second).map((it) => [it.type, Number(it.value)]));
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second: seconds = 0 } = parts;
    return Date.UTC(year, month - 1, day, hour, minute, seconds) - second;
  };
}
