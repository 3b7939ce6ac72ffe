import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { QuotaService } from '../../usage/quota.service.js';
import { AccountSelector, type ConsideredCandidate } from './account-selector.js';
import { type Assessment, endsByPerson } from '../unavailable.js';
import { limits } from '../../config/limits.js';
import { planCapacity } from '../plan-capacity.js';
import { poolQuota, type PoolWindow, type QuotaShare } from './pool-quota.js';

/** The pool as a whole, for the client's limit display, the operator and the metrics. */
export interface PoolStatus {
  readonly accounts: number;
  readonly available: number;
  readonly inFlight: number;
  /** The largest plan in the pool; null if none is known. */
  readonly plan: string | null;
  /** Shortest duration first; empty if nothing is known. */
  readonly windows: readonly PoolWindow[];
  /** Whether every account that does not need a person has spent its quota. */
  readonly isLimitReached: boolean;
}

/** The pool's quota on a meter other than the general one. */
export interface PoolMeter {
  readonly name: string;
  readonly label: string | null;
  readonly windows: readonly PoolWindow[];
}

@Injectable()
export class PoolStatusService {
  constructor(
    private readonly selector: AccountSelector,
    private readonly quota: QuotaService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  status(candidates: readonly ConsideredCandidate[] = this.selector.assess()): PoolStatus {
    const inPool = candidates.filter(isInPool);
    const plans = candidates.map((it) => it.account.plan).filter((it) => it !== null);
    const shares = inPool.map(({ account }) => ({
      plan: account.plan,
      windows: this.quota.windows(account.id),
    }));
    return {
      accounts: candidates.length,
      available: candidates.filter((it) => it.unavailable === null).length,
      inFlight: candidates.reduce((sum, it) => sum + it.account.inFlight, 0),
      plan: plans.toSorted((a, b) => planCapacity(b) - planCapacity(a))[0] ?? null,
      windows: poolQuota(shares, this.clock.now()),
      isLimitReached: inPool.length > 0 && inPool.every((it) => it.unavailable?.reason === 'quota-exhausted'),
    };
  }

  /** Returns the pool's quota on its named meters, by name; bounded. */
  meters(candidates: readonly ConsideredCandidate[]): PoolMeter[] {
    const shares = new Map<string, { label: string | null; shares: QuotaShare[] }>();
    for (const { account } of candidates.filter(isInPool)) {
      for (const [name, { label, windows }] of this.quota.quota(account.id).meters) {
        const known = shares.get(name) ?? { label: null, shares: [] };
        known.label ??= label;
        known.shares.push({ plan: account.plan, windows });
        if (shares.has(name) || shares.size < limits.metersPerAccount) shares.set(name, known);
      }
    }
    const now = this.clock.now();
    return [...shares]
      .map(([name, it]) => ({ name, label: it.label, windows: poolQuota(it.shares, now) }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }
}

/** Whether an account counts in the pool's quota. A pause takes it out, however long it lasts. */
function isInPool({ unavailable }: Assessment): boolean {
  return unavailable === null || (unavailable.reason !== 'paused' && !endsByPerson(unavailable));
}
