import { Inject, Injectable } from '@nestjs/common';
import { PoolStatusService } from '../../accounts/selection/pool-status.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { VERSION } from '../../runtime/version.js';
import type { SummarySource } from './summary-source.js';

/** The figures of the pool, without a verdict. */
@Injectable()
export class PoolFigures implements SummarySource {
  constructor(
    private readonly pool: PoolStatusService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  summary(): object {
    const { accounts, available, inFlight, plan, windows } = this.pool.status();
    return { version: VERSION, now: this.clock.now(), accounts, ready: available, inFlight, plan, windows };
  }
}
