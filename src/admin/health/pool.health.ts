import { Injectable } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { AccountRegistry } from '../../accounts/account-registry.js';
import { AccountSelector } from '../../accounts/selection/account-selector.js';
import { PoolStatusService } from '../../accounts/selection/pool-status.js';
import { Drain } from '../../runtime/drain.js';

/** The pool as a health indicator. Down only if the process cannot work; unavailable accounts degrade it. */
@Injectable()
export class PoolHealth {
  constructor(
    private readonly indicator: HealthIndicatorService,
    private readonly registry: AccountRegistry,
    private readonly selector: AccountSelector,
    private readonly pool: PoolStatusService,
    private readonly drain: Drain,
  ) {}

  check(): HealthIndicatorResult {
    const check = this.indicator.check('pool');
    if (this.drain.isDraining) return check.down({ message: 'stopping' });
    const { accounts, available, inFlight } = this.pool.status();
    return check.up({ accounts, available, inFlight, out: this.out() });
  }

  /** Returns the reason by name for every unavailable account and every broken file; empty if none. */
  out(): Record<string, string> {
    const out: Record<string, string> = {};
    for (const { account, unavailable } of this.selector.assess()) {
      const reason = unavailable?.reason ?? account.storedCredential.unsaved?.reason;
      if (reason !== null && reason !== undefined) out[account.name] = reason;
    }
    for (const { name, reason } of this.registry.broken()) out[name] = reason;
    return out;
  }

  /** Returns whether the pool is empty or something in it is unavailable. */
  isDegraded(): boolean {
    return this.registry.list().length === 0 || Object.keys(this.out()).length > 0;
  }
}
