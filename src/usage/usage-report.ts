import { Injectable } from '@nestjs/common';
import { limits } from '../config/limits.js';
import { Database } from '../storage/database.js';
import { addUsage, noUsage, type UsageSums } from './rollup-sums.js';
import { UsageRollup } from './usage-rollup.entity.js';
import { WriteBehind } from '../storage/write-behind.js';

/** A question to the report. Times are epoch ms; `to` is exclusive. */
export interface UsageQuery {
  readonly from: number;
  readonly to: number;
  readonly bucket: 'hour' | 'day';
  /** How the buckets are split; `none` for the whole pool. */
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
  /** One per account that was used in the time span. */
  readonly accounts: readonly (UsageSums & { readonly accountId: string })[];
  /** Oldest first, without empty buckets. */
  readonly hours: readonly UsageBucket[];
}

const bucketMs = { hour: 3_600_000, day: 86_400_000 } as const;

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
    const rollups = await this.database.run(
      async (manager) =>
        await manager
          .createQueryBuilder(UsageRollup, 'r')
          .where('r.hour >= :from AND r.hour < :to', query)
          .orderBy('r.hour')
          .getMany(),
    );
    return summed(rollups, query);
  }
}

/** Sums up rollups as the query asks. */
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
