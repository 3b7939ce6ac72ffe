import { limits } from '../config/limits.js';
import { backoffMs } from '../runtime/backoff.js';
import type { QuotaWindow } from '../usage/quota-window.js';

/** Pause after the n-th rate limit in a row that named no time, ms: 2 s doubling to 60 s. */
export function rateLimitPauseMs(inARow: number): number {
  return backoffMs(inARow, { firstMs: limits.rateLimitFirstMs, maxMs: limits.rateLimitMaxMs });
}

/** Pause after the n-th 403 in a row, ms: 5 min, growing to an hour. */
export function forbiddenPauseMs(inARow: number): number {
  return backoffMs(inARow, { firstMs: limits.forbiddenCooldownMs, maxMs: limits.forbiddenCooldownMaxMs });
}

/** Pause after the n-th upstream error in a row, ms; null while the account stays in. */
export function upstreamErrorPauseMs(inARow: number): number | null {
  const n = inARow - limits.upstreamErrorsInARow + 1;
  return n < 1
    ? null
    : backoffMs(n, { firstMs: limits.upstreamErrorFirstMs, maxMs: limits.upstreamErrorMaxMs });
}

/** What a usage-limit refusal says about its end: epoch seconds, or seconds from now. */
export interface ResetHint {
  readonly resetsAt: number | null;
  readonly resetsInSeconds: number | null;
}

/**
 * When spent quota is back, epoch ms: as upstream says, else the reset of the fullest window, else in
 * 5 min; never later than the longest window lasts, never earlier than now.
 */
export function quotaBackAt(hint: ResetHint, windows: readonly QuotaWindow[], now: number): number {
  const longestMs = windows.reduce((longest, it) => Math.max(longest, it.durationSeconds * 1_000), 0);
  const latest = now + (longestMs === 0 ? limits.quotaLongestMs : longestMs);
  const told = toldAt(hint, now) ?? fullestReset(windows, now) ?? now + limits.quotaUnknownMs;
  return Math.min(told, latest);
}

function toldAt(hint: ResetHint, now: number): number | null {
  if (hint.resetsAt !== null && hint.resetsAt * 1_000 > now) return Math.ceil(hint.resetsAt * 1_000);
  if (hint.resetsInSeconds !== null && hint.resetsInSeconds > 0)
    return now + Math.ceil(hint.resetsInSeconds * 1_000);
  return null; // a reset in the past tells nothing: the refusal is newer than it
}

function fullestReset(windows: readonly QuotaWindow[], now: number): number | null {
  let fullest: QuotaWindow | null = null;
  for (const it of windows) {
    if (it.resetsAt === null || it.resetsAt <= now) continue;
    if (fullest === null || it.usedRatio > fullest.usedRatio) fullest = it;
  }
  return fullest?.resetsAt ?? null;
}
