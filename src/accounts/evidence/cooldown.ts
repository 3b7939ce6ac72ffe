import { limits } from '../../config/limits.js';
import { backoffMs } from '../../runtime/backoff.js';
import { fullestReset, type QuotaWindow } from '../../usage/quota-window.js';

/** Cooldown in ms after the n-th rate limit in a row without a stated time: 2 s, doubling to 60 s. */
export function rateLimitPauseMs(inARow: number): number {
  return backoffMs(inARow, { firstMs: limits.rateLimitFirstMs, maxMs: limits.rateLimitMaxMs });
}

/** Cooldown in ms after the n-th upstream error in a row; null while the account stays available. */
export function upstreamErrorPauseMs(inARow: number): number | null {
  const n = inARow - limits.upstreamErrorsInARow + 1;
  return n < 1
    ? null
    : backoffMs(n, { firstMs: limits.upstreamErrorFirstMs, maxMs: limits.upstreamErrorMaxMs });
}

/** The end that a usage-limit refusal states: epoch seconds, or seconds from now. */
export interface ResetHint {
  readonly resetsAt: number | null;
  readonly resetsInSeconds: number | null;
}

/**
 * Returns when exhausted quota resets, epoch ms: the time that upstream states, else the reset of the fullest
 * window, else in 5 min. At the earliest now; at the latest now plus the longest window.
 */
export function quotaBackAt(hint: ResetHint, windows: readonly QuotaWindow[], now: number): number {
  const longestMs = windows.reduce((longest, it) => Math.max(longest, it.durationSeconds * 1_000), 0);
  const latest = now + (longestMs === 0 ? limits.quotaLongestMs : longestMs);
  const backAt = statedEnd(hint, now) ?? fullestReset(windows, now) ?? now + limits.quotaUnknownMs;
  return Math.min(backAt, latest);
}

function statedEnd(hint: ResetHint, now: number): number | null {
  if (hint.resetsAt !== null && hint.resetsAt * 1_000 > now) return Math.ceil(hint.resetsAt * 1_000);
  if (hint.resetsInSeconds !== null && hint.resetsInSeconds > 0)
    return now + Math.ceil(hint.resetsInSeconds * 1_000);
  return null; // ignore a reset in the past: the refusal is newer
}
