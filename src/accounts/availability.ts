import { limits } from '../config/limits.js';
import { hasPassed, needsLogin, pausedUntil, type RefreshState } from '../tokens/refresh-state.js';
import { leftRatio, type QuotaWindow } from '../usage/quota-window.js';
import type { AccountEvidence, Refusal, RefusalKind } from './account-evidence.js';
import type { AccountSettings } from './account.js';
import type { Withdrawal } from './pool-folder/pool-diff.js';

export type UnavailableReason =
  | Withdrawal['reason']
  | 'paused'
  | 'needs-login'
  | 'deactivated'
  | 'refresh-failing'
  | 'not-entitled'
  | 'full'
  | 'reserved'
  | RefusalKind;

/** The reasons that end only when a person acts. */
export const needsPerson: ReadonlySet<UnavailableReason> = new Set([
  'removed',
  'broken-file',
  'paused',
  'needs-login',
  'deactivated',
]);

/** Why an account may not serve now, and until when (epoch ms; null: no known end). */
export interface Unavailable {
  readonly reason: UnavailableReason;
  readonly until: number | null;
}

/** Everything that `whyUnavailable` depends on. */
export interface AvailabilityFacts {
  readonly withdrawal: Withdrawal | null;
  readonly settings: AccountSettings;
  readonly refresh: RefreshState;
  /** Expiry of the access token, epoch ms; null when unknown. */
  readonly tokenEndsAt: number | null;
  readonly evidence: AccountEvidence;
  readonly windows: readonly QuotaWindow[];
  readonly inFlight: number;
}

/**
 * Returns why an account may not serve a request for this model now; null if it may. Selection, readiness, the
 * admin API and the local response without an account all use it. `model` null: any model.
 */
export function whyUnavailable(
  facts: AvailabilityFacts,
  model: string | null,
  now: number,
): Unavailable | null {
  const { settings, refresh, evidence } = facts;
  if (facts.withdrawal !== null) return { reason: facts.withdrawal.reason, until: null };
  if (settings.isPaused) return { reason: 'paused', until: null };
  if (evidence.deactivated !== null) return { reason: 'deactivated', until: null };
  if (needsLogin(refresh, facts.tokenEndsAt, now)) return { reason: 'needs-login', until: null };
  const refreshAt = pausedUntil(refresh);
  if (
    refreshAt !== null &&
    !hasPassed(refreshAt, now) &&
    facts.tokenEndsAt !== null &&
    facts.tokenEndsAt <= now
  ) {
    return { reason: 'refresh-failing', until: refreshAt };
  }
  const { refusal } = evidence;
  const refusedUntil = refusal === null || isFromWrongClock(refusal, now) ? 0 : refusal.until;
  const spentUntil = spent(facts.windows, 0, now) ?? 0;
  const reservedUntil = spent(facts.windows, settings.reserveRatio, now) ?? 0;
  // Use the later end: a short window that has reset does not help while a long one is spent.
  if (refusal !== null && refusedUntil > now && refusedUntil >= spentUntil) {
    return { reason: refusal.kind, until: refusedUntil };
  }
  if (spentUntil > now) return { reason: 'quota-exhausted', until: Math.max(spentUntil, reservedUntil) };
  if (reservedUntil > now) return { reason: 'reserved', until: reservedUntil };
  const modelUntil = model === null ? undefined : evidence.modelRefusals.get(model);
  if (modelUntil !== undefined && modelUntil > now) return { reason: 'not-entitled', until: modelUntil };
  if (settings.maxInFlight !== null && facts.inFlight >= settings.maxInFlight)
    return { reason: 'full', until: null };
  return null;
}

/** Returns whether a cooldown begins in the future: the clock was ahead then, and has been set back. */
function isFromWrongClock({ kind, at }: Refusal, now: number): boolean {
  return kind !== 'quota-exhausted' && at - now > limits.clockSkewMs;
}

/** Returns the latest reset of the spent windows, epoch ms; null if none is spent. */
function spent(windows: readonly QuotaWindow[], reserveRatio: number, now: number): number | null {
  let until: number | null = null;
  for (const window of windows) {
    if (window.resetsAt === null || leftRatio(window, now) > reserveRatio) continue;
    if (window.resetsAt > now) until = Math.max(until ?? 0, window.resetsAt);
  }
  return until;
}
