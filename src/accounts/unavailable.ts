import { limits } from '../config/limits.js';
import { type AccountEvidence, evidenceIn } from './evidence/account-evidence.js';
import type { RefusalScope } from './evidence/refusal-scope.js';
import type { Refusal, RefusalKind } from './evidence/scope-evidence.js';
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

/** The reasons that end only when a person acts, unless they have an end. */
const needsPerson: ReadonlySet<UnavailableReason> = new Set([
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

/** Returns whether only a person can end this. A pause may have an end. */
export function endsByPerson({ reason, until }: Unavailable): boolean {
  return needsPerson.has(reason) && until === null;
}

/** Whether an account may serve, and how it ranks if it may. */
export interface Assessment {
  /** Null if it may serve. */
  readonly unavailable: Unavailable | null;
  /**
   * The account is over its quota and may still serve (credits, or upstream's grace): new sessions prefer all others.
   */
  readonly isOverQuota: boolean;
  /** The account is over its quota and pays with credits: sessions leave it while another account has quota. */
  readonly usesCredits: boolean;
  /**
   * Its access token seems to have ended and cannot be refreshed now: it serves only if no other account can. Upstream
   * decides.
   */
  readonly isLastResort: boolean;
}

/** The part of an assessment that depends on a meter. */
export type MeterAssessment = Omit<Assessment, 'isLastResort'>;

/** Returns the refusal of a scope that is in force; null if none is. */
export function refusalIn(evidence: AccountEvidence, scope: RefusalScope, now: number): Unavailable | null {
  const { refusal } = evidenceIn(evidence, scope);
  if (refusal === null || refusal.until <= now || isFromWrongClock(refusal, now)) return null;
  return { reason: refusal.kind, until: refusal.until };
}

/** Returns whether a cooldown begins in the future: the clock was ahead then, and has been set back. */
function isFromWrongClock({ kind, at }: Refusal, now: number): boolean {
  return kind !== 'quota-exhausted' && at - now > limits.clockSkewMs;
}

/** The reason that lasts longest. */
export function latest(all: readonly (Unavailable | null)[]): Unavailable | null {
  return all.reduce((last, it) => (it !== null && (it.until ?? 0) > (last?.until ?? 0) ? it : last), null);
}
