import { Injectable, type OnModuleInit } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { EntityManager } from 'typeorm';
import { limits } from '../config/limits.js';
import { Database } from '../storage/database.js';
import { QuotaSample } from './quota-sample.entity.js';
import type { QuotaWindow } from './quota-window.js';
import { quotaSamples } from './usage-tables.js';
import { WriteBehind } from '../storage/write-behind.js';

/** The last sample of a window that an account has no more. */
const NO_MORE = { usedRatio: 0, resetsAt: 0 } as const;

/** The newest quota windows of each account, by the account's identity; every change goes on record. */
@Injectable()
export class QuotaService implements OnModuleInit {
  private readonly latest = new LRUCache<string, readonly QuotaWindow[]>({ max: limits.poolFiles });

  constructor(
    private readonly writer: WriteBehind,
    private readonly database: Database,
  ) {}

  /** What was last known goes on being known, until newer evidence comes. */
  async onModuleInit(): Promise<void> {
    await this.database.restore('quota begins unknown: the database cannot be read', (manager) =>
      this.restore(manager),
    );
  }

  /** The windows of an account, shortest first; none when nothing is known. */
  windows(accountId: string): readonly QuotaWindow[] {
    return this.latest.get(accountId) ?? [];
  }

  /** Takes what an answer told in passing: windows that it does not name stay as they are. */
  observe(accountId: string, windows: readonly QuotaWindow[]): void {
    if (windows.length === 0) return;
    const named = new Set(windows.map((it) => it.durationSeconds));
    const others = this.windows(accountId).filter((it) => !named.has(it.durationSeconds));
    this.put(accountId, [...windows, ...others]);
  }

  /** Takes the whole truth of a poll: a window that it does not name is no more. */
  replace(accountId: string, windows: readonly QuotaWindow[], at: number): void {
    const named = new Set(windows.map((it) => it.durationSeconds));
    for (const it of this.windows(accountId)) {
      if (!named.has(it.durationSeconds))
        this.writer.enqueue(quotaSamples, sampleOf(accountId, { ...it, ...NO_MORE, seenAt: at }));
    }
    this.put(accountId, windows);
  }

  /** What was seen of an account's windows since a time (epoch ms), oldest first; bounded. */
  async history(accountId: string, since: number): Promise<QuotaSample[]> {
    await this.writer.flush();
    return await this.database.run(
      async (manager) =>
        await manager
          .createQueryBuilder(QuotaSample, 'q')
          .where('q.account_id = :accountId AND q.seen_at >= :since', { accountId, since })
          .andWhere('(q.resets_at IS NULL OR q.resets_at > 0)') // 0 marks the end of a window
          .orderBy('q.seen_at')
          .limit(limits.usageBuckets)
          .getMany(),
    );
  }

  private async restore(manager: EntityManager): Promise<void> {
    const newest = await manager
      .createQueryBuilder(QuotaSample, 'q')
      .where(
        (query) =>
          `q.seen_at = ${query
            .subQuery()
            .select('MAX(n.seen_at)')
            .from(QuotaSample, 'n')
            .where('n.account_id = q.account_id AND n.duration_seconds = q.duration_seconds')
            .getQuery()}`,
      )
      .orderBy('q.duration_seconds')
      .limit(limits.usageBuckets)
      .getMany();
    for (const { accountId, ...window } of newest) {
      if (window.resetsAt === NO_MORE.resetsAt) continue;
      this.latest.set(accountId, [...this.windows(accountId), window]);
    }
  }

  private put(accountId: string, windows: readonly QuotaWindow[]): void {
    const before = this.windows(accountId);
    const ordered = windows.toSorted((a, b) => a.durationSeconds - b.durationSeconds);
    for (const it of ordered) {
      if (isChange(it, before)) this.writer.enqueue(quotaSamples, sampleOf(accountId, it));
    }
    this.latest.set(accountId, ordered.slice(0, limits.windowsPerAccount));
  }
}

function isChange(window: QuotaWindow, before: readonly QuotaWindow[]): boolean {
  const old = before.find((it) => it.durationSeconds === window.durationSeconds);
  return (
    old === undefined || old.usedRatio !== window.usedRatio || !isSameReset(old.resetsAt, window.resetsAt)
  );
}

/** Upstream tells a reset in seconds from now, too: a minute more or less is the same one. */
function isSameReset(one: number | null, other: number | null): boolean {
  return one === null || other === null ? one === other : Math.abs(one - other) < 60_000;
}

function sampleOf(accountId: string, window: QuotaWindow): QuotaSample {
  return Object.assign(new QuotaSample(), { accountId, ...window });
}
