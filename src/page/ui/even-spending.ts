import type { QuotaWindow } from '../../api/shared-shapes.js';

type Window = Pick<QuotaWindow, 'durationSeconds' | 'resetsAt'>;

/** Returns the share that would be left now if the window were spent evenly, 0–1; null if its reset is unknown or past. */
export function evenLeft({ durationSeconds, resetsAt }: Window, now: number): number | null {
  if (resetsAt === null || resetsAt <= now) return null;
  return Math.min((resetsAt - now) / (durationSeconds * 1_000), 1);
}
