import { expect, it } from 'vitest';
import { leftRatio } from './left-ratio.js';

const now = 3_600_000_000;

it.each([
  [0.25, null, 0.75],
  [0.25, now + 1, 0.75],
  [1, null, 0],
  [1.2, now + 1, 0],
  [1, now, 1],
  [0, now + 1, 1],
])('of a window with %d used that resets at %s, %d is left', (usedRatio, resetsAt, left) => {
  expect(leftRatio({ usedRatio, resetsAt }, now)).toBe(left);
});
