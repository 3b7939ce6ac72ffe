import { BadRequestException, Controller, Get, Query, ServiceUnavailableException } from '@nestjs/common';
import { z } from 'zod';
import { AccountRegistry } from '../accounts/account-registry.js';
import { DatabaseUnavailableError } from '../storage/database.js';
import { type UsageBucket, UsageReport } from '../usage/usage-report.js';
import type { UsageSums } from '../usage/rollup-sums.js';

/** A time as epoch ms or as an ISO date. */
const moment = z.union([
  z
    .string()
    .regex(/^\d{1,16}$/)
    .transform(Number),
  z.iso.datetime({ offset: true }).transform((it) => Date.parse(it)),
  z.iso.date().transform((it) => Date.parse(it)),
]);

const querySchema = z.object({
  from: moment.default(0),
  to: moment.default(Number.MAX_SAFE_INTEGER),
  bucket: z.enum(['hour', 'day']).default('hour'),
  by: z.enum(['none', 'account', 'model']).default('none'),
});

/** Usage from the database. Token counts are as upstream reported them. */
@Controller('admin/usage')
export class UsageController {
  constructor(
    private readonly report: UsageReport,
    private readonly registry: AccountRegistry,
  ) {}

  /**
   * `from` and `to` (exclusive) as epoch ms or ISO; `bucket` hour or day; `by` account or model splits the
   * buckets. `hours` has a bucket for each hour or day with usage.
   */
  @Get()
  async usage(@Query() query: unknown) {
    const parsed = querySchema.safeParse(query);
    if (!parsed.success) {
      const faults = parsed.error.issues.map((it) => it.path.join('.')).join(', ');
      throw new BadRequestException(
        `Invalid: ${faults}. from and to are epoch ms or ISO dates, bucket must be hour or day, by must be account, model or none.`,
      );
    }
    try {
      const { totals, accounts, hours } = await this.report.run(parsed.data);
      return {
        totals,
        accounts: accounts.map((it) => this.named(it)),
        hours: hours.map((it) => this.named(it)),
      };
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError)) throw error;
      throw new ServiceUnavailableException('The stored usage cannot be read at the moment; see /healthz.');
    }
  }

  /** Adds the account's current name; null if it has left the pool. */
  private named<T extends UsageSums & Partial<Pick<UsageBucket, 'accountId'>>>(
    sums: T,
  ): T & { name?: string | null } {
    if (sums.accountId === undefined) return sums;
    return { ...sums, name: this.registry.findById(sums.accountId)?.name ?? null };
  }
}
