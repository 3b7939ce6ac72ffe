import { Controller, Get, Query } from '@nestjs/common';
import { z } from 'zod';
import { AccountRegistry } from '../accounts/account-registry.js';
import { isTimeZone, machineZone, startOfDate } from '../usage/report/local-days.js';
import { type UsageBucket, UsageReport } from '../usage/report/usage-report.js';
import type { UsageSums } from '../usage/rollup-sums.js';
import { Problem } from './problems/problem.js';

/** Returns the time at which a moment begins in a zone, epoch ms. */
type Moment = (zone: string) => number;

/** A time as epoch ms, as an ISO time, or as a date: a day of the zone. */
const moment = z.union([
  z
    .string()
    .regex(/^\d{1,16}$/)
    .transform(
      (it): Moment =>
        () =>
          Number(it),
    ),
  z.iso.datetime({ offset: true }).transform(
    (it): Moment =>
      () =>
        Date.parse(it),
  ),
  z.iso.date().transform(
    (it): Moment =>
      (zone) =>
        startOfDate(zone, it),
  ),
]);

const querySchema = z.object({
  from: moment.default(() => () => 0),
  to: moment.default(() => () => Number.MAX_SAFE_INTEGER),
  bucket: z.enum(['hour', 'day']).default('hour'),
  by: z.enum(['none', 'account', 'model']).default('none'),
  tz: z.string().min(1).max(64).refine(isTimeZone).default(machineZone),
});

/** Usage from the database. Token counts are as upstream reported them. */
@Controller('admin/usage')
export class UsageController {
  constructor(
    private readonly report: UsageReport,
    private readonly registry: AccountRegistry,
  ) {}

  /**
   * `from` and `to` (exclusive) as epoch ms, ISO time or date; `bucket` hour or day; `by` account or model splits the
   * buckets. `tz` is the zone of days and dates, by default the machine's. `hours` has a bucket for each hour or day
   * with usage.
   */
  @Get()
  async usage(@Query() query: unknown) {
    const parsed = querySchema.safeParse(query);
    if (!parsed.success) throw problemOf(parsed.error);
    const { from, to, bucket, by, tz } = parsed.data;
    const { totals, accounts, hours } = await this.report.run({
      from: from(tz),
      to: to(tz),
      bucket,
      by,
      tz,
    });
    return {
      tz,
      totals,
      accounts: accounts.map((it) => this.named(it)),
      hours: hours.map((it) => this.named(it)),
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

function problemOf({ issues }: z.ZodError): Problem {
  const faults = new Set(issues.map((it) => it.path.join('.')));
  if (faults.has('tz')) {
    const detail = 'tz must be the name of one time zone, such as Europe/Berlin or UTC.';
    return new Problem(400, 'bad_tz', detail);
  }
  return new Problem(
    400,
    'bad_query',
    `Invalid: ${[...faults].join(', ')}. from and to are epoch ms or ISO dates, bucket must be hour or day, by must be account, model or none.`,
  );
}
