import type { QuotaWindow } from '../../api/shared-shapes.js';

type Window = Pick<QuotaWindow, 'durationSeconds' | 'resetsAt'>;

/** Returns the share that would be left now if the window were spent evenly, 0–1; null if its reset is unknown or past. */
export function evenLeft({ durationSeconds, resetsAt }: Window, now: number): number | null {
  if (resetsAt === null || resetsAt <= now) return null;
  return Math.min((resetsAt - now) / (durationSeconds * 1_000), 1);
}

/** Returns the share of a window that is left, 0–1. A window whose reset is past is whole. */
export function shareLeft(
  { usedRatio, resetsAt }: Pick<QuotaWindow, 'usedRatio' | 'resetsAt'>,
  now: number,
): number {
  return resetsAt !== null && resetsAt <= now ? 1 : Math.min(Math.max(1 - usedRatio, 0), 1);
}
