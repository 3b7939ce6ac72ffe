import { describe, expect, it } from 'vitest';
import { retryAfterMs } from './retry-after.js';

const now = Date.parse('2026-01-01T00:00:00Z');

describe('how long to wait', () => {
  it.each([
    ['7', '', 7_000],
    ['1.5', '', 1_500],
    ['0', '', 0],
    ['Thu, 01 Jan 2026 00:01:00 GMT', '', 60_000],
    ['Wed, 31 Dec 2025 00:00:00 GMT', '', 0],
    ['soon', '', null],
    ['-5', '', null],
    [undefined, 'Please try again in 1.2s.', 1_200],
    [undefined, 'try again in 250ms', 250],
    [undefined, 'Try again in 3 minutes', 180_000],
    [undefined, 'try again in 2 hours', 7_200_000],
    [undefined, 'Please try again in 6m0s. Visit us.', 360_000],
    [undefined, 'try again in 1h2m3.5s', 3_723_500],
    [undefined, 'try again in 1 hour 30 min', 5_400_000],
    [undefined, 'try again in 20 moons', null],
    [undefined, 'try again later', null],
    ['junk', 'try again in 4s', 4_000],
  ])('Retry-After %s, message "%s": %s', (header, message, expected) => {
    expect(retryAfterMs(header, message, now)).toBe(expected);
  });
});
