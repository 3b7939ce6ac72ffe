import type { QuotaWindow } from './shared-shapes.js';

/** Returns the share of a window that is left now, 0–1. A window whose reset has passed is full again. */
export function leftRatio(
  { usedRatio, resetsAt }: Pick<QuotaWindow, 'usedRatio' | 'resetsAt'>,
  now: number,
): number {
  return resetsAt !== null && resetsAt <= now ? 1 : Math.min(1, Math.max(0, 1 - usedRatio));
}
