import { Controller, Get, Inject, Query, Req, Res } from '@nestjs/common';
import type { Request, Response } from 'express';
import { AccountRegistry } from '../accounts/account-registry.js';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { type UsageBucket, UsageReport } from '../usage/report/usage-report.js';
import type { UsageSums } from '../usage/rollup-sums.js';
import { isKnownToClient } from './lists/entity-tag.js';
import { cursorText } from './lists/page-cursor.js';
import { usageQuestion } from './usage-question.js';

/** Usage from the database. Token counts are as upstream reported them. */
@Controller('admin/usage')
export class UsageController {
  constructor(
    private readonly report: UsageReport,
    private readonly registry: AccountRegistry,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * `from` and `to` (exclusive) as epoch ms, ISO time or date, by default the last 30 days; `bucket` hour or day; `by`
   * account or model splits the buckets. `tz` is the zone of days and dates, by default the machine's. `hours` has a
   * bucket for each hour or day with usage: the newest `limit`, in time order. `next` is the `cursor` of older ones, null
   * if there are none. `totals` and `accounts` are those of the whole span; `accountCount` counts its accounts, of
   * which `accounts` has those with most turns.
   */
  @Get()
  async usage(@Query() query: unknown, @Req() req: Request, @Res({ passthrough: true }) res: Response) {
    const question = usageQuestion(query, this.clock.now());
    const names = this.registry.list().map(({ id, name }) => [id, name]);
    const result = await this.report.run(question, (version) =>
      isKnownToClient(req, res, version, question, names),
    );
    if (result === null) return undefined;
    const { totals, accounts, count, hours, next } = result;
    return {
      tz: question.tz,
      from: question.from,
      totals,
      accounts: accounts.map((it) => this.named(it)),
      accountCount: count,
      hours: hours.map((it) => this.named(it)),
      next: next === null ? null : cursorText({ at: next.at, key: next.split }),
    };
  }

  /** Adds the account's current name; null if it has left the pool. */
  private named<T extends UsageSums & Partial<Pick<UsageBucket, 'accountId'>>>(
    sums: T,
  ): T & { name?: string | null } {
    if (sums.accountId === undefined) return sums;
    return { ...sums, name: this.registry.findById(sums.accountId)?.name ?? null };
  }
}
