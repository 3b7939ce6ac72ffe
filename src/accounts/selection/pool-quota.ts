import { leftRatio, type QuotaWindow } from '../../usage/quota-window.js';
import { planCapacity } from '../plan-capacity.js';

/** One account's share of the pool's quota. */
export interface QuotaShare {
  readonly plan: string | null;
  readonly windows: readonly QuotaWindow[];
}

/** The pool's quota window of one duration. */
export interface PoolWindow {
  readonly durationSeconds: number;
  /** Used share, weighted by the capacity of each account's plan, 0–1. */
  readonly usedRatio: number;
  /** The reset that returns the most quota, epoch ms; null if no account states one. */
  readonly resetsAt: number | null;
}

/** Adds up the accounts' windows by duration, shortest first. */
export function poolQuota(shares: readonly QuotaShare[], now: number): PoolWindow[] {
  const durations = new Set(shares.flatMap((it) => it.windows.map((window) => window.durationSeconds)));
  return [...durations]
    .toSorted((a, b) => a - b)
    .map((durationSeconds) => {
      let capacity = 0;
      let used = 0;
      let most = -1;
      let resetsAt: number | null = null;
      for (const share of shares) {
        const window = share.windows.find((it) => it.durationSeconds === durationSeconds);
        if (window === undefined) continue;
        const size = planCapacity(share.plan);
        const spent = size * (1 - leftRatio(window, now));
        capacity += size;
        used += spent;
        if (window.resetsAt !== null && window.resetsAt > now && spent > most)
          [most, resetsAt] = [spent, window.resetsAt];
      }
      return { durationSeconds, usedRatio: used / capacity, resetsAt };
    });
}
