import { Inject, Injectable } from '@nestjs/common';
import type { Summary } from '../../api/summary.js';
import { AccountSelector } from '../../accounts/selection/account-selector.js';
import { PoolStatusService } from '../../accounts/selection/pool-status.js';
import { RuntimeSettings } from '../../config/runtime-settings.js';
import { RequestLog } from '../../observability/request-log.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { Drain } from '../../runtime/drain.js';
import { VERSION } from '../../runtime/version.js';
import { UsageService } from '../../usage/usage.service.js';
import { PoolFindings } from './pool-findings.js';
import { problemsIn } from './pool-problems.js';
import { verdictOf } from './pool-verdict.js';

/** The pool at a glance: verdict, quota, today's usage, problems. Made from memory alone. */
@Injectable()
export class PoolSummary {
  private readonly startedAt: number;

  constructor(
    private readonly findings: PoolFindings,
    private readonly selector: AccountSelector,
    private readonly status: PoolStatusService,
    private readonly usage: UsageService,
    private readonly requests: RequestLog,
    private readonly drain: Drain,
    private readonly settings: RuntimeSettings,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.startedAt = clock.now();
  }

  summary(): Summary {
    const now = this.clock.now();
    const { decision, next, candidates } = this.selector.preview();
    const accounts = this.findings.accounts(candidates, now);
    const found = this.findings.pool();
    const verdict = verdictOf(
      {
        isStopping: this.drain.isDraining,
        decision,
        next: next === null ? null : { ...next, name: next.account.name },
        accounts,
        trouble: found.upstream?.short ?? null,
      },
      now,
    );
    const hasSeenTurn = this.usage.hasServedTurns;
    const { available, inFlight, plan, windows } = this.status.status(candidates);
    return {
      version: VERSION,
      now,
      startedAt: this.startedAt,
      verdict,
      accounts: accounts.length,
      ready: available,
      inFlight,
      plan,
      windows: [...windows],
      meters: this.status.meters(candidates).map((it) => ({ ...it, windows: [...it.windows] })),
      today: { ...this.usage.todayOfAll() },
      policy: this.settings.current.policy,
      clientSeenAt: this.requests.newestAt,
      problems: problemsIn({ ...found, verdict: verdict.kind, accounts, hasSeenTurn }, now),
    };
  }
}
