import { describe, expect, it } from 'vitest';
import { wasSuspended, isExcused } from './suspend-detector.js';

const NOW = 1_900_000_000_000;

describe('a suspend of the machine', () => {
  it.each([
    ['a tick in time', 1_000, false],
    ['a busy process', 29_000, false],
    ['exactly 30 s', 30_000, false],
    ['more than 30 s', 30_001, true],
    ['a night', 8 * 3_600_000, true],
    ['a clock that was set back', -3_600_000, false],
  ])('%s', (_what, passedMs, expected) => {
    expect(wasSuspended(NOW, NOW + passedMs)).toBe(expected);
  });

  it.each([
    ['that was in progress when the machine was suspended', -3_600_000, true],
    ['that began at once', 0, true],
    ['that began within 5 s', 4_999, true],
    ['that began after 5 s', 5_000, false],
  ])('excuses an error of an attempt %s', (_what, afterMs, expected) => {
    expect(isExcused(NOW + afterMs, NOW)).toBe(expected);
  });

  it('excuses nothing without a suspend', () => {
    expect(isExcused(NOW, null)).toBe(false);
  });
});
