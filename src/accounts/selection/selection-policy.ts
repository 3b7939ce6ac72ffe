import type { SelectionPolicyName } from '../../config/selection-policy-name.js';
import { leftRatio, type QuotaWindow } from '../../usage/quota-window.js';

/** The facts that a policy knows about an available account. */
export interface Candidate {
  readonly name: string;
  readonly inFlight: number;
  readonly priority: number;
  /** Relative size of the plan's allowance; Plus is 1. */
  readonly capacity: number;
  readonly windows: readonly QuotaWindow[];
}

/** Picks one of the candidates, which are sorted by name. `last`: the name of its last pick; empty if there was none. */
export type SelectionPolicy = <T extends Candidate>(
  candidates: readonly [T, ...T[]],
  now: number,
  last: string,
) => T;

/** Returns the remaining share of the tightest window, 0–1; an account without windows counts as half full. */
export function quotaLeft(windows: readonly QuotaWindow[], now: number): number {
  if (windows.length === 0) return 0.5;
  return windows.reduce((least, it) => Math.min(least, leftRatio(it, now)), 1);
}

/**
 * Returns the rate that an account can sustain until its quota resets: the smallest over its windows of
 * capacity × remaining share ÷ time to reset (s). Null if no window is known.
 */
export function sustainableRate(candidate: Candidate, now: number): number | null {
  let least: number | null = null;
  for (const it of candidate.windows) {
    const hasReset = it.resetsAt !== null && it.resetsAt <= now;
    const untilReset = hasReset
      ? it.durationSeconds
      : it.resetsAt === null
        ? it.durationSeconds / 2
        : Math.max(1, (it.resetsAt - now) / 1_000);
    const rate = (candidate.capacity * leftRatio(it, now)) / untilReset;
    least = least === null ? rate : Math.min(least, rate);
  }
  return least;
}

function best<T extends Candidate>(candidates: readonly [T, ...T[]], score: (candidate: T) => number): T {
  let found: T = candidates[0];
  let highest = score(found);
  for (const it of candidates.slice(1)) {
    const current = score(it);
    if (current > highest) [found, highest] = [it, current];
  }
  return found;
}

const perRequest = (amount: number, candidate: Candidate) => amount / (candidate.inFlight + 1);

const mostQuotaLeft: SelectionPolicy = (candidates, now) =>
  best(candidates, (it) => perRequest(quotaLeft(it.windows, now), it));

const sustainableRatePolicy: SelectionPolicy = (candidates, now) => {
  const known = candidates.map((it) => sustainableRate(it, now)).filter((it) => it !== null);
  const average = known.length === 0 ? 1 : known.reduce((sum, it) => sum + it, 0) / known.length;
  return best(candidates, (it) => perRequest(sustainableRate(it, now) ?? average, it));
};

const fewestInFlight: SelectionPolicy = (candidates) => best(candidates, (it) => -it.inFlight);

const fillFirst: SelectionPolicy = (candidates) => best(candidates, (it) => it.priority);

/** Takes turns by name: picks the one after the last picked. */
const roundRobin: SelectionPolicy = (candidates, _now, last) =>
  candidates.find((it) => it.name > last) ?? candidates[0];

/** The policies by name. None of them remembers anything. */
export const selectionPolicies: Readonly<Record<SelectionPolicyName, SelectionPolicy>> = {
  'most-quota-left': mostQuotaLeft,
  'sustainable-rate': sustainableRatePolicy,
  'fewest-in-flight': fewestInFlight,
  'fill-first': fillFirst,
  'round-robin': roundRobin,
};
