import { Injectable } from '@nestjs/common';
import { PoolStatusService } from '../../accounts/selection/pool-status.js';
import { UpstreamMonitor } from '../../observability/upstream-monitor.js';
import { VERSION } from '../../runtime/version.js';

/** The pool's status in a few lines, for a program without HTML such as curl. */
@Injectable()
export class StatusText {
  constructor(
    private readonly pool: PoolStatusService,
    private readonly upstream: UpstreamMonitor,
  ) {}

  /** Returns the lines. `more`: a further one, or null. */
  lines(more: string | null): string {
    const { accounts, available, inFlight } = this.pool.status();
    const trouble = this.upstream.warning();
    return [
      `codex-pool ${VERSION}`,
      `accounts: ${accounts}, available: ${available}, requests in flight: ${inFlight}`,
      ...(trouble === null ? [] : [trouble]),
      'more: /healthz  /readyz  /metrics  /admin/accounts  /admin/requests',
      ...(more === null ? [] : [more]),
      '',
    ].join('\n');
  }
}
