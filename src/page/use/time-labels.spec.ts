import { expect, it } from 'vitest';
import { dateLabel, dayLabel, timeLabels } from './time-labels.js';

const HOUR = 3_600_000;
const midnight = new Date(2026, 10, 27).getTime();

it('an axis of hours shows the date at midnight only', () => {
  expect(timeLabels([midnight - 6 * HOUR, midnight, midnight + 6 * HOUR], 6 * HOUR)).toEqual([
    '18:00',
    '27 Nov',
    '06:00',
  ]);
});

it('an axis of seconds repeats no label', () => {
  const start = midnight + 9 * HOUR;
  expect(timeLabels([start, start + 5_000, midnight], 5_000)).toEqual(['09:00:00', '09:00:05', '27 Nov']);
});

it('an axis of days shows dates', () => {
  expect(timeLabels([midnight + HOUR], 24 * HOUR)).toEqual(['27 Nov']);
});

it('a time has its date, and a date its year', () => {
  expect(dayLabel(midnight + 9.5 * HOUR)).toBe('27 Nov 09:30');
  expect(dateLabel(midnight)).toBe('27 Nov 2026');
});
