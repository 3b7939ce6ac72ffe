import { describe, expect, it } from 'vitest';
import type { QuotaWindow } from '../../usage/quota-window.js';
import { quotaBackAt, rateLimitPauseMs, upstreamErrorPauseMs } from './cooldown.js';

const NOW = 1_900_000_000_000;
const NOW_SECONDS = NOW / 1_000;
const HOUR = 3_600_000;
const MINUTE = 60_000;

const window = (usedRatio: number, resetsAt: number | null, durationSeconds = 18_000): QuotaWindow => ({
  durationSeconds,
  usedRatio,
  resetsAt,
  seenAt: NOW,
});

describe('pauses', () => {
  it('double from 2 s to a minute while rate limits state no time', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 100].map(rateLimitPauseMs)).toEqual(
      [2, 4, 8, 16, 32, 60, 60, 60].map((it) => it * 1_000),
    );
  });

  it('begin with the third upstream error in a row, and double from 30 s to 5 min', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 100].map(upstreamErrorPauseMs)).toEqual([
      null,
      null,
      ...[30, 60, 120, 240, 300, 300].map((it) => it * 1_000),
    ]);
  });
});

describe('quotaBackAt', () => {
  const none = { resetsAt: null, resetsInSeconds: null };

  it.each([
    ['at the time that upstream names', { resetsAt: NOW_SECONDS + 60, resetsInSeconds: 7 }, MINUTE],
    ['after the seconds that upstream names', { resetsAt: null, resetsInSeconds: 90 }, 90_000],
    ['after the seconds when the time is past', { resetsAt: NOW_SECONDS - 60, resetsInSeconds: 90 }, 90_000],
    ['after seconds with a fraction, rounded up', { resetsAt: null, resetsInSeconds: 1.0001 }, 1_001],
    ['in five minutes when no reset is known', none, 5 * MINUTE],
    ['in five minutes when every known reset has passed', { resetsAt: 1, resetsInSeconds: 0 }, 5 * MINUTE],
  ])('is %s', (_case, hint, afterMs) => {
    expect(quotaBackAt(hint, [], NOW)).toBe(NOW + afterMs);
  });

  it('is the reset of the fullest window when the refusal states no time', () => {
    const windows = [window(0.3, NOW + HOUR), window(0.98, NOW + 48 * HOUR, 604_800), window(1, NOW - 1)];
    expect(quotaBackAt(none, windows, NOW)).toBe(NOW + 48 * HOUR);
  });

  it('is never later than the longest window lasts', () => {
    const hint = { resetsAt: NOW_SECONDS + 400 * 86_400, resetsInSeconds: null };
    expect(quotaBackAt(hint, [window(1, null), window(1, null, 604_800)], NOW)).toBe(NOW + 604_800_000);
    expect(quotaBackAt(hint, [], NOW)).toBe(NOW + 31 * 86_400_000);
  });
});
