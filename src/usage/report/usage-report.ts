import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { limits } from '../../config/limits.js';
import { Database } from '../../storage/database.js';
import { WriteBehind } from '../../storage/write-behind.js';
import { DAY_MS, dateOf, type OffsetPeriod, offsetPeriods, startOfDay } from './local-days.js';
import { movesOf } from './parts-of-hours.js';
import { addUsage, noUsage, type UsageSums } from '../rollup-sums.js';
import {
  dayBucket,
  HOUR_BUCKET,
  storedSpan,
  sumsByAccount,
  sumsByBucket,
  sumsOfRecords,
  type UsageGroup,
  type UsageSplit,
} from './usage-query.js';

/** A question to the report. Times are epoch ms; `to` is exclusive. */
export interface UsageQuery {
  readonly from: number;
  readonly to: number;
  readonly bucket: 'hour' | 'day';
  /** The time zone of the days. */
  readonly tz: string;
  /** How the buckets are split; `none` for the whole pool. */
  readonly by: UsageSplit;
}

export interface UsageBucket extends UsageSums {
  /** Start of the hour or local day, epoch ms. */
  at: number;
  /** Date of the local day; absent for hours. */
  day?: string;
  accountId?: string;
  model?: string;
}

export interface UsageResult {
  readonly totals: UsageSums;
  /** One per account that was used in the time span. */
  readonly accounts: readonly (UsageSums & { readonly accountId: string })[];
  /** Oldest first, without empty buckets. */
  readonly hours: readonly UsageBucket[];
}

/** Reports recorded usage, including the turns that have just ended. */
@Injectable()
export class UsageReport {
  constructor(
    private readonly writer: WriteBehind,
    private readonly database: Database,
  ) {}

  /** @throws DatabaseUnavailableError, or the error of the database */
  async run(query: UsageQuery): Promise<UsageResult> {
    await this.writer.flush();
    return await this.database.run((manager) => reportOf(manager, query));
  }
}

async function reportOf(manager: EntityManager, query: UsageQuery): Promise<UsageResult> {
  const stored = await storedSpan(manager);
  if (stored === null) return nothing();
  const span = { from: Math.max(query.from, stored.from), to: Math.min(query.to, stored.to) };
  if (span.from >= span.to) return nothing();
  // The first day may have begun before the span, with another offset.
  const periods = offsetPeriods(query.bucket === 'day' ? query.tz : 'UTC', span.from - 2 * DAY_MS, span.to);
  const { by } = query;
  const bucket = query.bucket === 'day' ? dayBucket(periods) : HOUR_BUCKET;
  const moves = movesOf(query, periods, {
    from: Math.max(span.from, stored.recordsFrom),
    to: stored.to,
  });
  const moved = await sumsOfRecords(manager, moves);
  const sums = {
    accounts: grouped(await sumsByAccount(manager, query), ({ accountId }) => accountId),
    buckets: grouped(await sumsByBucket(manager, query, bucket, by, limits.usageBuckets), keyOf(by)),
  };
  for (const { bucket: index, ...it } of moved) {
    const move = moves[index];
    if (move === undefined) continue;
    if (move.out !== null) add(sums.buckets, { ...it, ...negative(it), bucket: move.out }, keyOf(by));
    if (move.into !== null) add(sums.buckets, { ...it, bucket: move.into }, keyOf(by));
    const change = (move.into === null ? 0 : 1) - (move.out === null ? 0 : 1);
    if (change !== 0)
      add(
        sums.accounts,
        { ...it, ...(change < 0 ? negative(it) : {}), bucket: 0 },
        ({ accountId }) => accountId,
      );
  }
  return resultOf(sums.accounts, sums.buckets, query, periods);
}

function nothing(): UsageResult {
  return { totals: noUsage(), accounts: [], hours: [] };
}

function resultOf(
  accounts: ReadonlyMap<string, UsageGroup>,
  buckets: ReadonlyMap<string, UsageGroup>,
  { bucket, by }: UsageQuery,
  periods: readonly OffsetPeriod[],
): UsageResult {
  const totals = noUsage();
  for (const it of accounts.values()) addUsage(totals, it);
  const hours = [...buckets.values()]
    .toSorted((a, b) => a.bucket - b.bucket)
    .map((it) => ({
      ...(bucket === 'day'
        ? { at: startOfDay(periods, it.bucket), day: dateOf(it.bucket) }
        : { at: it.bucket }),
      ...(by === 'account' ? { accountId: it.accountId } : by === 'model' ? { model: it.model } : {}),
      ...sumsIn(it),
    }));
  return {
    totals,
    accounts: [...accounts.values()].map((it) => ({ accountId: it.accountId, ...sumsIn(it) })),
    hours: hours.slice(-limits.usageBuckets),
  };
}

function keyOf(by: UsageSplit): (group: UsageGroup) => string {
  return ({ bucket, accountId, model }) =>
    `${bucket} ${by === 'account' ? accountId : by === 'model' ? model : ''}`;
}

function grouped(
  groups: readonly UsageGroup[],
  keyIn: (group: UsageGroup) => string,
): Map<string, UsageGroup> {
  return new Map(groups.map((it) => [keyIn(it), it]));
}

/** Adds to the group of the same key; a group that becomes empty is dropped. */
function add(groups: Map<string, UsageGroup>, more: UsageGroup, keyIn: (group: UsageGroup) => string): void {
  const key = keyIn(more);
  const sums = sumsIn(groups.get(key) ?? noUsage());
  addUsage(sums, more);
  if (Object.values(sums).every((it) => it === 0)) groups.delete(key);
  else groups.set(key, { ...more, ...sums });
}

function negative(sums: UsageSums): UsageSums {
  const { turns, input, cached, output, reasoning } = sums;
  return { turns: -turns, input: -input, cached: -cached, output: -output, reasoning: -reasoning };
}

function sumsIn({ turns, input, cached, output, reasoning }: UsageSums): UsageSums {
  return { turns, input, cached, output, reasoning };
}
