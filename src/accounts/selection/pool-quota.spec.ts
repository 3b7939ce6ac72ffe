import { describe, expect, it } from 'vitest';
import type { QuotaWindow } from '../../usage/quota-window.js';
import { poolQuota } from './pool-quota.js';

const NOW = 1_900_000_000_000;
const HOUR = 3_600_000;
const WEEK = 604_800;

const window = (usedRatio: number, resetsInMs: number | null, durationSeconds = 18_000): QuotaWindow => ({
  durationSeconds,
  usedRatio,
  resetsAt: resetsInMs === null ? null : NOW + resetsInMs,
  seenAt: NOW,
});

describe('poolQuota', () => {
  it('is empty when nothing is known', () => {
    expect(poolQuota([], NOW)).toEqual([]);
    expect(poolQuota([{ plan: 'pro', windows: [] }], NOW)).toEqual([]);
  });

  it("equals the account's quota when there is one account", () => {
    expect(poolQuota([{ plan: 'plus', windows: [window(0.25, HOUR)] }], NOW)).toEqual([
      { durationSeconds: 18_000, usedRatio: 0.25, resetsAt: NOW + HOUR },
    ]);
  });

  it("weighs usage by the plan's capacity", () => {
    const shares = [
      { plan: 'plus', windows: [window(1, HOUR)] },
      { plan: 'pro', windows: [window(0.12, 2 * HOUR)] },
    ];
    expect(poolQuota(shares, NOW)[0]?.usedRatio).toBeCloseTo((1 + 1.2) / 11);
  });

  it('reports the reset that returns the most quota', () => {
    const shares = [
      { plan: 'plus', windows: [window(1, HOUR)] },
      { plan: 'pro', windows: [window(0.12, 2 * HOUR)] },
      { plan: 'plus', windows: [window(0.9, 3 * HOUR)] },
    ];
    expect(poolQuota(shares, NOW)[0]?.resetsAt).toBe(NOW + 2 * HOUR);
  });

  it('adds up only windows of the same duration, shortest first', () => {
    const shares = [
      { plan: 'plus', windows: [window(0.5, HOUR), window(0.2, 50 * HOUR, WEEK)] },
      { plan: 'plus', windows: [window(0.8, 60 * HOUR, WEEK)] },
    ];
    expect(poolQuota(shares, NOW)).toEqual([
      { durationSeconds: 18_000, usedRatio: 0.5, resetsAt: NOW + HOUR },
      { durationSeconds: WEEK, usedRatio: 0.5, resetsAt: NOW + 60 * HOUR },
    ]);
  });

  it('counts a window whose reset has passed as unused, and reports no reset for it', () => {
    expect(poolQuota([{ plan: 'plus', windows: [window(1, -1)] }], NOW)).toEqual([
      { durationSeconds: 18_000, usedRatio: 0, resetsAt: null },
    ]);
  });

  it('never exceeds 1, and reports no reset when none is known', () => {
    expect(poolQuota([{ plan: null, windows: [window(1.4, null)] }], NOW)).toEqual([
      { durationSeconds: 18_000, usedRatio: 1, resetsAt: null },
    ]);
  });
});
