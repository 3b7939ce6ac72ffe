import { expect, it } from 'vitest';
import { quotaPlot, resetMarks } from './quota-series.js';

const sample = (seenAt: number, usedRatio: number, more = {}) => ({
  durationSeconds: 18_000,
  seenAt,
  usedRatio,
  resetsAt: null,
  ...more,
});

it('a history has one series per window, on common times, in percent', () => {
  const samples = [sample(1, 0.1), sample(2, 0.2, { durationSeconds: 604_800 }), sample(3, 1.2)];
  expect(quotaPlot(samples)).toEqual({
    times: [1, 2, 3],
    series: [
      { label: '5 h', values: [10, null, 120] },
      { label: '7 d', values: [null, 20, null] },
    ],
  });
  expect(quotaPlot([])).toEqual({ times: [], series: [] });
});

it('a reset is marked where a share has fallen: at the announced time, if that fits', () => {
  const samples = [
    sample(10, 0.9, { resetsAt: 15 }),
    sample(20, 0.1, { resetsAt: 99 }),
    sample(30, 0.095),
    sample(40, 0.8),
    sample(50, 0),
    sample(20, 0.5, { durationSeconds: 604_800 }),
  ];
  expect(resetMarks(samples)).toEqual([
    { at: 15, durationSeconds: 18_000 },
    { at: 50, durationSeconds: 18_000 },
  ]);
});
