import { Injectable, type OnModuleInit } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import type { EntityManager } from 'typeorm';
import { limits } from '../config/limits.js';
import { Database } from '../storage/database.js';
import { type HistoryPage, historyOf, type HistoryQuery } from './quota-history.js';
import { QuotaSample } from './quota-sample.entity.js';
import { type AccountQuota, type Credits, type MeterQuota, noNamedMeter, noQuota } from './account-quota.js';
import type { HeaderCredits, HeaderQuota, PolledQuota } from './quota-report.js';
import type { QuotaWindow } from './quota-window.js';
import { quotaSamples } from './usage-tables.js';
import { WriteBehind } from '../storage/write-behind.js';

/** Marks the last sample of a window that an account no longer has. */
const ENDED = { usedRatio: 0, resetsAt: 0 } as const;

/** The latest quota of each account, by the account's identity. Every change of its general windows is recorded. */
@Injectable()
export class QuotaService implements OnModuleInit {
  private readonly latest = new LRUCache<string, AccountQuota>({ max: limits.poolFiles });

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

  /** Returns everything known about an account's quota. */
  quota(accountId: string): AccountQuota {
    return this.latest.get(accountId) ?? noQuota;
  }

  /** Returns the windows of the account's general meter, shortest first; empty if unknown. */
  windows(accountId: string): readonly QuotaWindow[] {
    return this.quota(accountId).general.windows;
  }

  /** Takes the quota in a response head. Windows and meters that it omits stay as they are. */
  observe(accountId: string, { windows, meters, labels, credits }: HeaderQuota): void {
    const before = this.quota(accountId);
    const named = new Map(before.meters);
    for (const [key, seen] of meters) {
      const known = named.get(key) ?? noNamedMeter;
      if (named.has(key) || named.size < limits.metersPerAccount)
        named.set(key, updated({ ...known, label: labels.get(key) ?? known.label }, seen));
    }
    if (windows.length > 0) this.record(accountId, windows, before.general.windows);
    this.latest.set(accountId, {
      general: updated(before.general, windows),
      meters: meters.size === 0 ? before.meters : named,
      credits: withCredits(before.credits, credits),
    });
  }

  /** Takes the report of a poll, which names all windows and meters. A window that it omits has ended. */
  replace(accountId: string, report: PolledQuota, at: number): void {
    const { windows, statement, meters, credits } = report;
    const before = this.windows(accountId);
    const reported = new Set(windows.map((it) => it.durationSeconds));
    for (const it of before) {
      if (!reported.has(it.durationSeconds))
        this.writer.enqueue(quotaSamples, sampleOf(accountId, { ...it, ...ENDED, seenAt: at }));
    }
    this.record(accountId, windows, before);
    this.latest.set(accountId, {
      general: { windows: merged([], windows), statement, isRestored: false },
      meters,
      credits,
    });
  }

  /**
   * Returns the newest samples of an account, or those after a place. Null if `isKnown` holds for the version of the
   * stored data: the caller has them already.
   */
  async history(query: HistoryQuery, isKnown: (version: string) => boolean): Promise<HistoryPage | null> {
    await this.writer.flush();
    return await this.database.read(async (manager) =>
      isKnown(this.database.version) ? null : await historyOf(manager, query),
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
      .limit(limits.restoredQuotaWindows)
      .getMany();
    for (const { accountId, ...window } of newest) {
      if (window.resetsAt === ENDED.resetsAt) continue;
      const windows = [...this.windows(accountId), window];
      this.latest.set(accountId, { ...noQuota, general: { ...noQuota.general, windows, isRestored: true } });
    }
  }

  private record(accountId: string, windows: readonly QuotaWindow[], before: readonly QuotaWindow[]): void {
    for (const it of windows) {
      if (isChange(it, before)) this.writer.enqueue(quotaSamples, sampleOf(accountId, it));
    }
  }
}

/** A meter with newer windows. */
function updated<T extends MeterQuota>(meter: T, newer: readonly QuotaWindow[]): T {
  if (newer.length === 0) return meter;
  return { ...meter, windows: merged(meter.windows, newer), isRestored: false };
}

/** The credits with those that a response head names. */
function withCredits(before: Credits | null, seen: HeaderCredits | null): Credits | null {
  if (seen === null) return before;
  return {
    hasCredits: seen.hasCredits ?? before?.hasCredits ?? false,
    isUnlimited: seen.isUnlimited ?? before?.isUnlimited ?? false,
    balance: seen.balance ?? before?.balance ?? null,
  };
}

/** Adds to the newer windows the older ones that they do not replace; shortest first, bounded. */
function merged(before: readonly QuotaWindow[], newer: readonly QuotaWindow[]): readonly QuotaWindow[] {
  if (newer.length === 0) return before;
  const named = new Set(newer.map((it) => it.durationSeconds));
  return [...newer, ...before.filter((it) => !named.has(it.durationSeconds))]
    .toSorted((a, b) => a.durationSeconds - b.durationSeconds)
    .slice(0, limits.windowsPerAccount);
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
