import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Database } from '../../storage/database.js';
import { WriteBehind } from '../../storage/write-behind.js';
import { noUsage, type UsageSums } from '../rollup-sums.js';
import { type AccountSums, sumsByAccount } from './account-sums.js';
import { DAY_MS, dateOf, type OffsetPeriod, offsetPeriods, startOfDay } from './local-days.js';
import { storedSpan } from './stored-span.js';
import { type PagePlace, pageOf, type PageQuery } from './usage-page.js';
import type { UsageGroup } from './usage-query.js';

/** A question to the report. */
export interface UsageQuery extends PageQuery {
  /** The time zone of the days. */
  readonly tz: string;
}

export interface UsageBucket extends UsageSums {
  /** Start of the hour or local day, epoch ms. */
  at: number;
  /** Date of the local day; absent for hours. */
  day?: string;
  accountId?: string;
  model?: string;
}

export interface UsageResult extends AccountSums {
  /** Oldest first, without empty buckets: the newest of the span, or those that follow `before`. */
  readonly hours: readonly UsageBucket[];
  /** `before` of the next page, which is older; null on the last page. */
  readonly next: PagePlace | null;
}

/** Reports recorded usage, including the turns that have just ended. */
@Injectable()
export class UsageReport {
  constructor(
    private readonly writer: WriteBehind,
    private readonly database: Database,
  ) {}

  /**
   * Null if `isKnown` holds for the version of the stored data: the caller has this report already.
   * @throws DatabaseUnavailableError, or the error of the database
   */
  async run(query: UsageQuery, isKnown: (version: string) => boolean): Promise<UsageResult | null> {
    await this.writer.flush();
    return await this.database.read(async (manager) =>
      isKnown(this.database.version) ? null : await reportOf(manager, query),
    );
  }
}

async function reportOf(manager: EntityManager, query: UsageQuery): Promise<UsageResult> {
  const stored = await storedSpan(manager);
  if (stored === null) return nothing();
  const span = { from: Math.max(query.from, stored.from), to: Math.min(query.to, stored.to) };
  if (span.from >= span.to) return nothing();
  // The first day may have begun before the span, with another offset.
  const periods = offsetPeriods(query.bucket === 'day' ? query.tz : 'UTC', span.from - 2 * DAY_MS, span.to);
  const sums = await sumsByAccount(manager, query, span, stored);
  const { groups, next } = await pageOf(manager, query, span, stored, periods);
  return { ...sums, hours: groups.map((it) => bucketOf(it, query, periods)), next };
}

function nothing(): UsageResult {
  return { totals: noUsage(), count: 0, accounts: [], hours: [], next: null };
}

function bucketOf(
  { bucket, split, ...sums }: UsageGroup,
  query: UsageQuery,
  periods: readonly OffsetPeriod[],
): UsageBucket {
  return {
    ...(query.bucket === 'day' ? { at: startOfDay(periods, bucket), day: dateOf(bucket) } : { at: bucket }),
    ...(query.by === 'account' ? { accountId: split } : query.by === 'model' ? { model: split } : {}),
    ...sums,
  };
}
