import type { UsageTotals } from '../../api/shared-shapes.js';
import type { UsageView } from '../../api/usage.js';

/** A series of a plot: one value per time. Null: nothing to draw there. */
export interface Series {
  readonly label: string;
  readonly values: readonly (number | null)[];
}

/** The data of a plot. Times are epoch ms, ascending. */
export interface PlotData {
  readonly times: readonly number[];
  readonly series: readonly Series[];
}

type Bucket = UsageView['hours'][number];

/** The most series of one plot; the smaller ones are summed up. */
export const MOST_SERIES = 6;
/** The most points that one plot gets. */
const MOST_POINTS = 4_000;

/** Returns the input and output tokens of each hour or day, by account or model if the buckets are split so. */
export function tokenPlot(
  hours: readonly Bucket[],
  span: { from: number; to: number; bucket: 'hour' | 'day' },
): PlotData {
  const times = bucketTimes(span);
  if (hours.every((it) => splitKey(it) === null)) {
    return {
      times,
      series: [
        { label: 'Input, cached', values: valuesAt(times, hours, (it) => it.cached) },
        { label: 'Input, new', values: valuesAt(times, hours, (it) => it.input - it.cached) },
        { label: 'Output', values: valuesAt(times, hours, (it) => it.output) },
      ],
    };
  }
  const groups = Map.groupBy(hours, (it) => splitKey(it) ?? '');
  const bySize = [...groups]
    .map(([key, of]) => ({ key, of, size: sum(of, tokensOf) }))
    .toSorted((a, b) => b.size - a.size);
  const most = bySize.length > MOST_SERIES ? MOST_SERIES - 1 : MOST_SERIES;
  const series = bySize
    .slice(0, most)
    .map(({ of }) => ({ label: splitLabel(of[0]), values: valuesAt(times, of, tokensOf) }));
  const others = bySize.slice(most).flatMap((it) => it.of);
  if (others.length > 0) {
    series.push({ label: `${bySize.length - most} others`, values: valuesAt(times, others, tokensOf) });
  }
  return { times, series };
}

/** Returns the cached share of the input of each hour or day, in percent; null without input. */
export function cachedPlot(
  hours: readonly Bucket[],
  span: { from: number; to: number; bucket: 'hour' | 'day' },
): PlotData {
  const times = bucketTimes(span);
  const input = valuesAt(times, hours, (it) => it.input);
  const cached = valuesAt(times, hours, (it) => it.cached);
  const values = input.map((it, index) => (it === 0 ? null : ((cached[index] ?? 0) / it) * 100));
  return { times, series: [{ label: 'Cached', values }] };
}

/** Returns each series stacked on those before it, for drawing; the labels keep their own values. */
export function stacked({ times, series }: PlotData): PlotData {
  let below: readonly number[] = times.map(() => 0);
  const stack = series.map(({ label, values }) => {
    below = values.map((it, index) => (it ?? 0) + (below[index] ?? 0));
    return { label, values: below };
  });
  return { times, series: stack };
}

/** Returns input and output tokens together. */
export function tokensOf({ input, output }: Pick<UsageTotals, 'input' | 'output'>): number {
  return input + output;
}

/** Returns the cached share of the input, 0–1; null without input. */
export function cachedRatio({ input, cached }: Pick<UsageTotals, 'input' | 'cached'>): number | null {
  return input === 0 ? null : Math.min(1, cached / input);
}

/** Returns the beginnings of all hours or local days of a span, those without usage included. */
export function bucketTimes({
  from,
  to,
  bucket,
}: {
  from: number;
  to: number;
  bucket: 'hour' | 'day';
}): number[] {
  const first = new Date(from);
  first.setMinutes(0, 0, 0);
  if (bucket === 'day') first.setHours(0);
  const times: number[] = [];
  for (const at = first; at.getTime() < to && times.length < MOST_POINTS;) {
    times.push(at.getTime());
    // An hour is a length; a day ends where the next begins, whatever the clocks do in between.
    if (bucket === 'hour') at.setTime(at.getTime() + 3_600_000);
    else at.setDate(at.getDate() + 1);
  }
  return times;
}

/** Sums up the buckets that begin between one time and the next; 0 where there is none. */
function valuesAt(times: readonly number[], hours: readonly Bucket[], of: (it: Bucket) => number): number[] {
  const values = times.map(() => 0);
  for (const hour of hours) {
    const index = lastNotAfter(times, hour.at);
    if (index !== -1) values[index] = (values[index] ?? 0) + of(hour);
  }
  return values;
}

function lastNotAfter(times: readonly number[], at: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? Infinity) <= at) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

function splitKey({ accountId, model }: Bucket): string | null {
  return accountId ?? model ?? null;
}

function splitLabel(bucket: Bucket | undefined): string {
  if (bucket === undefined) return '';
  if (bucket.accountId !== undefined) return bucket.name ?? 'an account that has left';
  return bucket.model === undefined || bucket.model === '' ? 'no model named' : bucket.model;
}

function sum(hours: readonly Bucket[], of: (it: Bucket) => number): number {
  return hours.reduce((total, it) => total + of(it), 0);
}
