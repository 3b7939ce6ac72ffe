import { Injectable } from '@nestjs/common';
import type { HealthIndicatorFunction } from '@nestjs/terminus';
import { ClientHealth } from './client.health.js';
import { FaultHealth } from './fault.health.js';
import { PoolHealth } from './pool.health.js';
import { UpstreamHealth } from './upstream.health.js';
import { UsageHealth } from './usage.health.js';

/** All indicators of `/healthz`. */
@Injectable()
export class HealthIndicators {
  constructor(
    readonly pool: PoolHealth,
    private readonly usage: UsageHealth,
    private readonly clients: ClientHealth,
    private readonly upstream: UpstreamHealth,
    private readonly faults: FaultHealth,
  ) {}

  checks(): HealthIndicatorFunction[] {
    return this.all().map((it) => () => it.check());
  }

  isDegraded(): boolean {
    return this.all().some((it) => it.isDegraded());
  }

  private all() {
    return [this.pool, this.usage, this.clients, this.upstream, this.faults];
  }
}
