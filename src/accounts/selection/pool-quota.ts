import { leftRatio, type QuotaWindow } from '../../usage/quota-window.js';
import { planCapacity } from '../plan-capacity.js';

/** One account's part in the pool's quota. */
export interface QuotaShare {
  readonly plan: string | null;
  readonly windows: readonly QuotaWindow[];
}

/** The pool's allowance of one duration. */
export interface PoolWindow {
  readonly durationSeconds: number;
  /** Used, weighted by the capacity of each account's plan, 0–1. */
  readonly usedRatio: number;
  /** The reset at which most comes back, epoch ms; null when no account tells one. */
  readonly resetsAt: number | null;
}

/** Adds up the windows of the accounts that take part, by duration, shortest first. */
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
        const theirs = size * (1 - leftRatio(window, now));
        capacity += size;
        used += theirs;
        if (window.resetsAt !== null && window.resetsAt > now && theirs > most)
          [most, resetsAt] = [theirs, window.resetsAt];
      }
      return { durationSeconds, usedRatio: used / capacity, resetsAt };
    });
}
