import {
  isTokenRejected,
  mayRequest,
  needsLogin,
  pausedUntil,
  type RefreshState,
} from '../tokens/refresh-state.js';
import { GENERAL_METER } from '../usage/meter.js';
import { isPausedAt } from './account.js';
import { modelScope, type RefusalScope, type RequestNeeds } from './evidence/refusal-scope.js';
import { assessMeter, type MeterFacts } from './meter-availability.js';
import type { Withdrawal } from './pool-folder/pool-diff.js';
import { type Assessment, latest, type MeterAssessment, refusalIn, type Unavailable } from './unavailable.js';

/** Everything that `assess` depends on. */
export interface AvailabilityFacts extends MeterFacts {
  readonly withdrawal: Withdrawal | null;
  readonly refresh: RefreshState;
  /** The access token seems to have ended. Only upstream knows. */
  readonly hasTokenEnded: boolean;
  readonly inFlight: number;
}

/** The properties of a request that count here. */
export interface AssessedRequest extends RequestNeeds {
  /** The meters that may count it on this account; any of them with room may serve it. */
  readonly meters: readonly string[];
}

/**
 * Returns why an account may not serve a request now; null if it may. Only evidence whose scope covers the request
 * counts. Selection, readiness, the admin API and the local response without an account all use it.
 */
export function assess(facts: AvailabilityFacts, request: AssessedRequest, now: number): Assessment {
  const out = whyAccountOut(facts, now);
  if (out !== null) return { unavailable: out, isOverQuota: false, usesCredits: false, isLastResort: false };
  const byScope = coveringScopes(request).map((it) => refusalIn(facts.evidence, it, now));
  const meters = request.feature === null ? request.meters : [GENERAL_METER];
  const byMeter = meters.map((it) => assessMeter(facts, it, now));
  // A feature has a limit of its own, so a spent meter only ranks the account behind others.
  const best = byMeter.find((it) => it.unavailable === null) ?? soonest(byMeter);
  const meterOut = request.feature === null ? (best?.unavailable ?? null) : null;
  const isOverQuota = best !== undefined && (best.isOverQuota || best.unavailable !== null);
  const isFull = facts.settings.maxInFlight !== null && facts.inFlight >= facts.settings.maxInFlight;
  const entitled = byScope.filter((it) => it?.reason !== 'not-entitled');
  const unavailable =
    latest([...entitled, meterOut]) ??
    byScope.find((it) => it !== null) ??
    (isFull ? { reason: 'full' as const, until: null } : null);
  const mayServe = unavailable === null || unavailable.reason === 'full';
  return {
    unavailable,
    isOverQuota: isOverQuota && mayServe,
    usesCredits: best?.usesCredits === true && mayServe && request.feature === null,
    isLastResort: mayServe && facts.hasTokenEnded && !mayRequest(facts.refresh, now),
  };
}

/** The reasons that hold for every request. */
function whyAccountOut(
  { withdrawal, settings, evidence, refresh }: AvailabilityFacts,
  now: number,
): Unavailable | null {
  if (withdrawal !== null) return { reason: withdrawal.reason, until: null };
  if (isPausedAt(settings, now)) return { reason: 'paused', until: settings.pausedUntil };
  if (evidence.deactivated !== null) return { reason: 'deactivated', until: null };
  if (needsLogin(refresh)) return { reason: 'needs-login', until: null };
  if (isTokenRejected(refresh) && !mayRequest(refresh, now))
    return { reason: 'refresh-failing', until: pausedUntil(refresh) };
  return null;
}

/** The scopes, other than meters, whose refusals cover a request. */
function coveringScopes({ model, feature }: RequestNeeds): readonly RefusalScope[] {
  return ['account', ...(feature === null ? [] : [feature]), ...(model === null ? [] : [modelScope(model)])];
}

/** Returns the assessment of the meter that is available again first. */
function soonest(all: readonly MeterAssessment[]): MeterAssessment | undefined {
  return all.toSorted((a, b) => (a.unavailable?.until ?? 0) - (b.unavailable?.until ?? 0))[0];
}

/** Whether it matters which meter counts a request: one of them is out or over its quota. */
export function dependsOnMeter(facts: MeterFacts, meters: readonly string[], now: number): boolean {
  return meters.some((it) => {
    const { unavailable, isOverQuota } = assessMeter(facts, it, now);
    return unavailable !== null || isOverQuota;
  });
}
