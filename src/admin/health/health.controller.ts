import { Controller, Get, HttpCode, Res, ServiceUnavailableException } from '@nestjs/common';
import { HealthCheck, type HealthCheckResult, HealthCheckService } from '@nestjs/terminus';
import type { Response } from 'express';
import { AccountSelector } from '../../accounts/selection/account-selector.js';
import { VERSION } from '../../runtime/version.js';
import { RecentErrors } from '../../observability/recent-errors.js';
import { HealthIndicators } from './health-indicators.js';

/** `up`, `degraded` (something is unavailable; still 200), `down` (503). */
type Health = Omit<HealthCheckResult, 'status'> & {
  readonly status: 'up' | 'degraded' | 'down';
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly lastErrors: readonly unknown[];
};

@Controller()
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: HealthIndicators,
    private readonly selector: AccountSelector,
    private readonly errors: RecentErrors,
  ) {}

  /** Reports whether the process works, and the state of the pool. */
  @Get('healthz')
  // Otherwise Terminus loads @nestjs/swagger where it is installed: half a second at start.
  @HealthCheck({ noCache: true, swaggerDocumentation: false })
  async healthz(@Res({ passthrough: true }) res: Response): Promise<Health> {
    const result = await this.check();
    const isUp = result.status === 'ok';
    res.status(isUp ? 200 : 503);
    return {
      ...result,
      status: isUp ? (this.indicators.isDegraded() ? 'degraded' : 'up') : 'down',
      version: VERSION,
      uptimeSeconds: Math.round(process.uptime()),
      lastErrors: this.errors.list(),
    };
  }

  /** Reports whether a turn would be served now, as the selector sees it. */
  @Get('readyz')
  @HttpCode(200)
  readyz(@Res({ passthrough: true }) res: Response) {
    const accounts = this.selector.assess().map(({ account, unavailable }) => ({
      name: account.name,
      reason: unavailable?.reason ?? null,
      until: unavailable?.until ?? null,
    }));
    const isReady =
      accounts.some((it) => it.reason === null) && this.indicators.pool.check()['pool']?.status === 'up';
    res.status(isReady ? 200 : 503);
    return { ready: isReady, accounts };
  }

  private async check(): Promise<HealthCheckResult> {
    try {
      return await this.health.check(this.indicators.checks());
    } catch (error) {
      if (!(error instanceof ServiceUnavailableException)) throw error;
      const details = this.indicators.pool.check(); // Terminus throws when an indicator is down; here that becomes a normal response
      return { status: 'error', info: {}, error: details, details };
    }
  }
}
