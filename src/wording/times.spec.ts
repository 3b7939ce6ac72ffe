import { describe, expect, it } from 'vitest';
import { ago, amount, clock, durationName, percent, span } from './times.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe('a span in words', () => {
  it.each([
    [-5, 'now'],
    [0, 'now'],
    [1, '1 s'],
    [11_001, '12 s'],
    [59_999, '60 s'],
    [MINUTE, '1 min'],
    [37 * MINUTE + 1, '38 min'],
    [59 * MINUTE + 1, '1 h'],
    [2 * HOUR + 9.5 * MINUTE, '2 h 10'],
    [23 * HOUR + 59 * MINUTE + 1, '1 d'],
    [3 * DAY + 4 * HOUR, '3 d 4 h'],
    [7 * DAY, '7 d'],
  ])('%i ms: %s', (ms, words) => {
    expect(span(ms)).toBe(words);
  });
});

describe('a time', () => {
  const now = new Date(2026, 10, 27, 13, 42).getTime();

  it('is a clock time today, has a weekday within six days, and a date beyond', () => {
    expect(clock(new Date(2026, 10, 27, 16, 5).getTime(), now)).toBe('16:05');
    expect(clock(new Date(2026, 10, 28, 9, 0).getTime(), now)).toBe('Sat 09:00');
    expect(clock(new Date(2026, 11, 24, 9, 0).getTime(), now)).toBe('2026-12-24 09:00');
  });

  it('in the past is counted down to whole seconds', () => {
    expect(ago(now - 4_999, now)).toBe('just now');
    expect(ago(now - 179_999, now)).toBe('3 min ago');
    expect(ago(now + 60_000, now)).toBe('just now');
  });
});

it.each([
  [0, '0 %'],
  [0.001, '1 %'],
  [0.314, '31 %'],
  [0.999, '99 %'],
  [1, '100 %'],
  [1.2, '100 %'],
])('a share of %d is %s', (ratio, words) => {
  expect(percent(ratio)).toBe(words);
});

it.each([
  [0, '0'],
  [940, '940'],
  [999.6, '1.0 k'],
  [12_345, '12 k'],
  [3_123_456, '3.1 M'],
  [2_000_000_000, '2.0 G'],
])('%d tokens are %s', (value, words) => {
  expect(amount(value)).toBe(words);
});

it('a quota window is named by its duration', () => {
  expect([18_000, 604_800, 2_592_000, 1_800].map(durationName)).toEqual(['5 h', '7 d', '30 d', '30 min']);
});
