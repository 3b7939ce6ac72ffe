import { expect, it } from 'vitest';
import { nearsEnd, visibleRows } from './visible-rows.js';

it.each([
  ['at the top', 0, { first: 0, end: 28 }],
  ['below the edge of the window', -400, { first: 0, end: 18 }],
  ['far below the window', -4_000, { first: 0, end: 0 }],
  ['in the middle', 40_000, { first: 992, end: 1_028 }],
  ['at the end', 3_999_200, { first: 99_972, end: 100_000 }],
  ['past the end', 9_000_000, { first: 100_000, end: 100_000 }],
])('a list of 100,000 rows %s renders only rows near the window', (_, top, rows) => {
  expect(visibleRows(top, 800, 40, 100_000)).toEqual(rows);
});

it('asks for the next page shortly before the end', () => {
  expect(nearsEnd({ first: 0, end: 60 }, 200)).toBe(false);
  expect(nearsEnd({ first: 150, end: 190 }, 200)).toBe(true);
  expect(nearsEnd({ first: 0, end: 0 }, 0)).toBe(true);
});
