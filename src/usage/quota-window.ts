export { leftRatio } from '../api/left-ratio.js';

/**
 * The used share of an allowance. A window is identified by its duration, not by the slot (`primary`,
 * `secondary`) in which upstream reports it.
 */
export interface QuotaWindow {
  readonly durationSeconds: number;
  /** 0 = untouched, 1 = spent; upstream may report more than 1. */
  readonly usedRatio: number;
  /** Epoch ms; null if upstream does not report it. */
  readonly resetsAt: number | null;
  /** When this was learned, epoch ms. */
  readonly seenAt: number;
}

/** A year. Longer windows are ignored. */
const LONGEST_SECONDS = 366 * 86_400;

/** Returns the window, or nothing if its share or duration is absent, negative or not a number. Zero is a value. */
export function windowOf(
  usedPercent: number | null,
  durationSeconds: number | null,
  resetAt: number | null,
  resetAfterSeconds: number | null,
  now: number,
): QuotaWindow[] {
  if (
    usedPercent === null ||
    !(usedPercent >= 0) ||
    durationSeconds === null ||
    !(durationSeconds > 0 && durationSeconds <= LONGEST_SECONDS)
  )
    return [];
  const longest = now + durationSeconds * 1_000;
  let resetsAt: number | null = null;
  if (resetAt !== null && resetAt > 0) resetsAt = resetAt * 1_000;
  else if (resetAfterSeconds !== null && resetAfterSeconds >= 0) resetsAt = now + resetAfterSeconds * 1_000;
  return [
    {
      durationSeconds: Math.round(durationSeconds),
      usedRatio: usedPercent / 100,
      resetsAt: resetsAt === null ? null : Math.min(Math.round(resetsAt), longest),
      seenAt: now,
    },
  ];
}

/** Reads a header's or field's decimal number without a sign; null for anything else. */
export function decimal(value: string | string[] | undefined): number | null {
  if (typeof value !== 'string' || !/^\d+(\.\d+)?$/.test(value.trim())) return null;
  return Number(value);
}

/** Returns the next reset of the fullest window, epoch ms; null if no window states one. */
export function fullestReset(windows: readonly QuotaWindow[], now: number): number | null {
  let fullest: QuotaWindow | null = null;
  for (const it of windows) {
    if (it.resetsAt === null || it.resetsAt <= now) continue;
    if (fullest === null || it.usedRatio > fullest.usedRatio) fullest = it;
  }
  return fullest?.resetsAt ?? null;
}
