import { describe, expect, it } from 'vitest';
import { bucketTimes, cachedPlot, cachedRatio, stacked, tokenPlot } from './usage-series.js';

const HOUR = 3_600_000;
const from = new Date(2026, 10, 27, 10).getTime();
const span = { from, to: from + 3 * HOUR, bucket: 'hour' } as const;
const bucket = (hour: number, input: number, more = {}) => ({
  at: from + hour * HOUR,
  input,
  cached: input / 2,
  output: 1,
  reasoning: 0,
  turns: 1,
  ...more,
});

describe('the plot of tokens', () => {
  it('has every hour of the span, also those without usage', () => {
    expect(tokenPlot([bucket(0, 10), bucket(2, 20)], span)).toEqual({
      times: [from, from + HOUR, from + 2 * HOUR],
      series: [
        { label: 'Input, cached', values: [5, 0, 10] },
        { label: 'Input, new', values: [5, 0, 10] },
        { label: 'Output', values: [1, 0, 1] },
      ],
    });
  });

  it('has one series per account, largest first', () => {
    const { series } = tokenPlot(
      [
        bucket(0, 9, { accountId: 'a', name: 'home' }),
        bucket(1, 99, { accountId: 'b', name: null }),
        bucket(2, 9, { accountId: 'a', name: 'home' }),
      ],
      span,
    );
    expect(series).toEqual([
      { label: 'an account that has left', values: [0, 100, 0] },
      { label: 'home', values: [10, 0, 10] },
    ]);
  });

  it('sums up what exceeds six series', () => {
    const hours = Array.from({ length: 200 }, (_, index) => bucket(0, 200 - index, { model: `m${index}` }));
    const { series } = tokenPlot(hours, span);
    expect(series.map((it) => it.label)).toEqual(['m0', 'm1', 'm2', 'm3', 'm4', '195 others']);
    const all = series.reduce((total, it) => total + (it.values[0] ?? 0), 0);
    expect(all).toBe(hours.reduce((total, it) => total + it.input + it.output, 0));
  });

  it('is stacked for drawing', () => {
    const data = {
      times: [1, 2],
      series: [
        { label: 'a', values: [1, 2] },
        { label: 'b', values: [3, null] },
      ],
    };
    expect(stacked(data).series.map((it) => it.values)).toEqual([
      [1, 2],
      [4, 2],
    ]);
  });
});

describe('the cached share', () => {
  it('is unknown where there was no input', () => {
    expect(cachedPlot([bucket(1, 8)], span).series[0]?.values).toEqual([null, 50, null]);
    expect(cachedRatio({ input: 0, cached: 0 })).toBeNull();
    expect(cachedRatio({ input: 4, cached: 1 })).toBe(0.25);
  });
});

it('a plot has at most 4,000 points, however long the span', () => {
  expect(bucketTimes({ from: 0, to: 1e13, bucket: 'hour' })).toHaveLength(4_000);
});

it('days are those of the calendar', () => {
  const times = bucketTimes({
    from: new Date(2026, 2, 28, 5).getTime(),
    to: new Date(2026, 2, 31).getTime(),
    bucket: 'day',
  });
  expect(times).toEqual([28, 29, 30].map((day) => new Date(2026, 2, day).getTime()));
});
