import { Controller, Get, Header } from '@nestjs/common';
import { PoolStatusService } from '../accounts/selection/pool-status.js';
import { UpstreamMonitor } from '../observability/upstream-monitor.js';
import { VERSION } from '../runtime/version.js';

/** The status page for a person who opens the address in a browser. */
@Controller()
export class StatusController {
  constructor(
    private readonly pool: PoolStatusService,
    private readonly upstream: UpstreamMonitor,
  ) {}

  @Get(['/', 'dashboard'])
  @Header('content-type', 'text/plain; charset=utf-8')
  status(): string {
    const { accounts, available, inFlight } = this.pool.status();
    const trouble = this.upstream.warning();
    return [
      `codex-pool ${VERSION}`,
      `accounts: ${accounts}, available: ${available}, requests in flight: ${inFlight}`,
      ...(trouble === null ? [] : [trouble]),
      'more: /healthz  /readyz  /metrics  /admin/accounts  /admin/requests',
      '',
    ].join('\n');
  }
}
