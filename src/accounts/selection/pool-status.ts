import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { QuotaService } from '../../usage/quota.service.js';
import { AccountSelector } from './account-selector.js';
import { endsByPerson } from '../unavailable.js';
import { planCapacity } from '../plan-capacity.js';
import { poolQuota, type PoolWindow } from './pool-quota.js';

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

@Injectable()
export class PoolStatusService {
  constructor(
    private readonly selector: AccountSelector,
    private readonly quota: QuotaService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  status(): PoolStatus {
    const candidates = this.selector.assess();
    // A pause takes the quota of its account out of the pool, however long it lasts.
    const inPool = candidates.filter(
      ({ unavailable: out }) => out === null || (out.reason !== 'paused' && !endsByPerson(out)),
    );
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
}
