import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Database } from '../../storage/database.js';
import { WriteBehind } from '../../storage/write-behind.js';
import { noRecorded, type UsageSums } from '../sums/rollup-sums.js';
import { type AccountSums, sumsByAccount } from './account-sums.js';
import { sumsOfProjects } from './project-sums.js';
import { DAY_MS, dateOf, type OffsetPeriod, offsetPeriods, startOfDay } from './local-days.js';
import { type FirstByte, firstByteOf } from './first-byte.js';
import { type GroupSplit, groupsBy, type SplitGroups } from './split-groups.js';
import { storedSpan } from './stored-span.js';
import { type PagePlace, pageOf, type PageQuery } from './usage-page.js';
import type { UsageGroup } from './usage-query.js';

/** A question to the report. */
export interface UsageQuery extends Omit<PageQuery, 'by'> {
  readonly by: GroupSplit | 'none';
  /** Whether the sums of models are needed. */
  readonly isPriced: boolean;
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
  /** The parts of the split; null without one. */
  readonly split: SplitGroups | null;
  /** All usage by model, if it is needed. */
  readonly models: SplitGroups | null;
  readonly firstByteMs: FirstByte | null;
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
  if (stored === null) return nothing(query);
  const span = { from: Math.max(query.from, stored.from), to: Math.min(query.to, stored.to) };
  if (span.from >= span.to) return nothing(query);
  // The first day may have begun before the span, with another offset.
  const periods = offsetPeriods(query.bucket === 'day' ? query.tz : 'UTC', span.from - 2 * DAY_MS, span.to);
  const { by, filter } = query;
  const sums =
    filter.projects === undefined
      ? await sumsByAccount(manager, query, span, stored)
      : await sumsOfProjects(manager, query, span, stored);
  const page = { ...query, by: by === 'account' || by === 'model' ? by : ('none' as const) };
  const { groups, next } = await pageOf(manager, page, span, stored, periods);
  const split = by === 'none' ? null : await groupsBy(manager, by, query, span, stored);
  const models =
    by === 'model' || !query.isPriced ? split : await groupsBy(manager, 'model', query, span, stored);
  return {
    ...sums,
    hours: groups.map((it) => bucketOf(it, query, periods)),
    next,
    split,
    models: query.isPriced ? models : null,
    firstByteMs: await firstByteOf(manager, query),
  };
}

function nothing(query: UsageQuery): UsageResult {
  return {
    totals: noRecorded(),
    count: 0,
    accounts: [],
    hours: [],
    next: null,
    split: query.by === 'none' ? null : { groups: [], count: 0 },
    models: query.isPriced ? { groups: [], count: 0 } : null,
    firstByteMs: null,
  };
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
