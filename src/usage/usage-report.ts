import { Injectable } from '@nestjs/common';
import { limits } from '../config/limits.js';
import { Database } from '../storage/database.js';
import { addUsage, noUsage, type UsageSums } from './rollup-sums.js';
import { UsageRollup } from './usage-rollup.entity.js';
import { WriteBehind } from '../storage/write-behind.js';

/** What is asked for; times are epoch ms, `to` is exclusive. */
export interface UsageQuery {
  readonly from: number;
  readonly to: number;
  readonly bucket: 'hour' | 'day';
  /** What the buckets are split by; `none` for the pool as a whole. */
  readonly by: 'none' | 'account' | 'model';
}

export interface UsageBucket extends UsageSums {
  /** Start of the hour or (UTC) day, epoch ms. */
  at: number;
  accountId?: string;
  model?: string;
}

export interface UsageResult {
  readonly totals: UsageSums;
  /** One per account that was used in the span. */
  readonly accounts: readonly (UsageSums & { readonly accountId: string })[];
  /** Oldest first; buckets in which nothing was used are left out. */
  readonly hours: readonly UsageBucket[];
}

const bucketMs = { hour: 3_600_000, day: 86_400_000 } as const;

/** Sums up what is on record, true to the turns that ended a moment ago. */
@Injectable()
export class UsageReport {
  constructor(
    private readonly writer: WriteBehind,
    private readonly database: Database,
  ) {}

  /** @throws DatabaseUnavailableError, or what the database said */
  async answer(question: UsageQuery): Promise<UsageResult> {
    await this.writer.flush();
    const rollups = await this.database.run(
      async (manager) =>
        await manager
          .createQueryBuilder(UsageRollup, 'r')
          .where('r.hour >= :from AND r.hour < :to', question)
          .orderBy('r.hour')
          .getMany(),
    );
    return summed(rollups, question);
  }
}

/** The sums of rollups, in the form that is asked for. */
export function summed(rollups: readonly UsageRollup[], { bucket, by }: UsageQuery): UsageResult {
  const totals = noUsage();
  const accounts = new Map<string, UsageSums & { accountId: string }>();
  const hours = new Map<string, UsageBucket>();
  for (const it of rollups) {
    addUsage(totals, it);
    const account = accounts.get(it.accountId) ?? { accountId: it.accountId, ...noUsage() };
    addUsage(account, it);
    accounts.set(it.accountId, account);
    const at = Math.floor(it.hour / bucketMs[bucket]) * bucketMs[bucket];
    const split = by === 'account' ? { accountId: it.accountId } : by === 'model' ? { model: it.model } : {};
    const key = `${at} ${JSON.stringify(split)}`;
    const sums = hours.get(key) ?? { at, ...split, ...noUsage() };
    addUsage(sums, it);
    hours.set(key, sums);
  }
  return { totals, accounts: [...accounts.values()], hours: [...hours.values()].slice(-limits.usageBuckets) };
}
