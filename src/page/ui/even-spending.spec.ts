import { expect, it } from 'vitest';
import { evenLeft } from './even-spending.js';

const HOUR = 3_600_000;
const now = 1_000 * HOUR;

it.each([
  [now + 5 * HOUR, 1],
  [now + 2.5 * HOUR, 0.5],
  [now + 6 * HOUR, 1],
  [now, null],
  [now - 1, null],
  [null, null],
])('of a window of 5 h that resets at %s, even spending leaves %s', (resetsAt, expected) => {
  expect(evenLeft({ durationSeconds: 18_000, resetsAt }, now)).toBe(expected);
});
