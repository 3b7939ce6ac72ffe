import { limits } from '../config/limits.js';
import { type AccountQuota, canPay, quotaOfMeter } from '../usage/account-quota.js';
import { leftRatio, type QuotaWindow } from '../usage/quota-window.js';
import type { AccountSettings } from './account.js';
import { type AccountEvidence, evidenceIn } from './evidence/account-evidence.js';
import { meterScope } from './evidence/refusal-scope.js';
import { latest, type MeterAssessment, refusalIn, type Unavailable } from './unavailable.js';

/** The facts that decide whether a meter has room. */
export interface MeterFacts {
  readonly settings: AccountSettings;
  readonly evidence: AccountEvidence;
  readonly quota: AccountQuota;
}

/** Whether a meter has room, judged by its last refusal, and by upstream's numbers unless upstream acts otherwise. */
export function assessMeter(
  { evidence, quota, settings }: MeterFacts,
  meter: string,
  now: number,
): MeterAssessment {
  const { windows, statement, isRestored } = quotaOfMeter(quota, meter);
  const { lastSuccessAt } = evidenceIn(evidence, meterScope(meter));
  const refused = refusalIn(evidence, meterScope(meter), now);
  const hasServedSince = (at: number) => lastSuccessAt !== null && lastSuccessAt >= at;
  const isForbidden =
    statement?.isAllowed === false && statement.until > now && !hasServedSince(statement.at);
  const forbiddenUntil = isForbidden ? statement.until : null;
  const spentUntil = resetOfSpent(windows, 0, now);
  // After a restart nothing is known of credits until the first report.
  const mayPay = settings.credits === 'last' || !(canPay(quota.credits) || isRestored);
  // A refusal is newer than whatever speaks for the account.
  const isServed =
    refused === null &&
    (statement?.isAllowed === true ||
      isRestored ||
      canPay(quota.credits) ||
      windows.every((it) => leftRatio(it, now) > 0 || hasServedSince(it.seenAt)));
  const isOut = spentUntil !== null && !(isServed && mayPay);
  const quotaUntil = isOut ? spentUntil : (forbiddenUntil ?? (mayPay ? null : endOfEndless(windows, now)));
  const reservedUntil = settings.reserveRatio > 0 ? resetOfSpent(windows, settings.reserveRatio, now) : null;
  const quotaOut: Unavailable | null =
    quotaUntil === null
      ? null
      : { reason: 'quota-exhausted', until: Math.max(quotaUntil, reservedUntil ?? 0, forbiddenUntil ?? 0) };
  const reserved: Unavailable | null =
    reservedUntil === null ? null : { reason: 'reserved', until: reservedUntil };
  const isOverQuota = spentUntil !== null;
  const unavailable = latest([refused, quotaOut]) ?? reserved;
  return { unavailable, isOverQuota, usesCredits: isOverQuota && canPay(quota.credits) };
}

/** Returns the latest reset of the spent windows, epoch ms; null if none is spent. */
function resetOfSpent(windows: readonly QuotaWindow[], reserveRatio: number, now: number): number | null {
  let until: number | null = null;
  for (const window of windows) {
    if (window.resetsAt === null || leftRatio(window, now) > reserveRatio) continue;
    if (window.resetsAt > now) until = Math.max(until ?? 0, window.resetsAt);
  }
  return until;
}

/** Returns the time (epoch ms) at which the last spent window without a known reset stops counting as spent; null without such a window. */
function endOfEndless(windows: readonly QuotaWindow[], now: number): number | null {
  const endless = windows.filter((it) => it.resetsAt === null && leftRatio(it, now) === 0);
  const until = Math.max(0, ...endless.map((it) => it.seenAt + limits.quotaUnknownMs));
  return until > now ? until : null;
}
