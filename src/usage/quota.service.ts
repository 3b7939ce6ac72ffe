import { Injectable, type OnModuleInit } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { EntityManager } from 'typeorm';
import { limits } from '../config/limits.js';
import { Database } from '../storage/database.js';
import { QuotaSample } from './quota-sample.entity.js';
import type { QuotaWindow } from './quota-window.js';
import { quotaSamples } from './usage-tables.js';
import { WriteBehind } from '../storage/write-behind.js';

/** Marks the last sample of a window that an account no longer has. */
const ENDED = { usedRatio: 0, resetsAt: 0 } as const;

/** The latest quota windows of each account, by the account's identity. Every change is recorded. */
@Injectable()
export class QuotaService implements OnModuleInit {
  private readonly latest = new LRUCache<string, readonly QuotaWindow[]>({ max: limits.poolFiles });

  constructor(
    private readonly writer: WriteBehind,
    private readonly database: Database,
  ) {}

  /** Restores the last recorded windows. */
  async onModuleInit(): Promise<void> {
    await this.database.restore('starting without stored quota: the database cannot be read', (manager) =>
      this.restore(manager),
    );
  }

  /** Returns the windows of an account, shortest first; empty if unknown. */
  windows(accountId: string): readonly QuotaWindow[] {
    return this.latest.get(accountId) ?? [];
  }

  /** Takes the windows that a response reports in its headers. Windows that it omits stay unchanged. */
  observe(accountId: string, windows: readonly QuotaWindow[]): void {
    if (windows.length === 0) return;
    const named = new Set(windows.map((it) => it.durationSeconds));
    const others = this.windows(accountId).filter((it) => !named.has(it.durationSeconds));
    this.put(accountId, [...windows, ...others]);
  }

  /** Takes the windows of a poll, which reports all of them. A window that it omits has ended. */
  replace(accountId: string, windows: readonly QuotaWindow[], at: number): void {
    const named = new Set(windows.map((it) => it.durationSeconds));
    for (const it of this.windows(accountId)) {
      if (!named.has(it.durationSeconds))
        this.writer.enqueue(quotaSamples, sampleOf(accountId, { ...it, ...ENDED, seenAt: at }));
    }
    this.put(accountId, windows);
  }

  /** Returns the samples of an account since a time (epoch ms), oldest first; bounded. */
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
      if (window.resetsAt === ENDED.resetsAt) continue;
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

/** Upstream may report a reset in seconds from now, so times less than a minute apart are the same reset. */
function isSameReset(one: number | null, other: number | null): boolean {
  return one === null || other === null ? one === other : Math.abs(one - other) < 60_000;
}

function sampleOf(accountId: string, window: QuotaWindow): QuotaSample {
  return Object.assign(new QuotaSample(), { accountId, ...window });
}
