import type { EntityManager } from 'typeorm';
import { QuotaSample } from './quota-sample.entity.js';

/** The place of a sample in the history of an account. */
export type SamplePlace = Pick<QuotaSample, 'seenAt' | 'durationSeconds'>;

/** A question about the history of an account's quota windows. */
export interface HistoryQuery {
  readonly accountId: string;
  /** Epoch ms. */
  readonly since: number;
  /** The first sample of the page before; null for the newest page. */
  readonly before: SamplePlace | null;
  /** Maximum number of samples. */
  readonly most: number;
}

/** Samples, oldest first, and the place of the first one if there are older ones; else null. */
export interface HistoryPage {
  readonly samples: readonly QuotaSample[];
  readonly next: SamplePlace | null;
}

/** Reads the newest samples, or those before a place, by the index of account and time. */
export async function historyOf(
  manager: EntityManager,
  { accountId, since, before, most }: HistoryQuery,
): Promise<HistoryPage> {
  const query = manager
    .createQueryBuilder(QuotaSample, 'q')
    .select('q.duration_seconds', 'durationSeconds')
    .addSelect('q.seen_at', 'seenAt')
    .addSelect('q.used_ratio', 'usedRatio')
    .addSelect('q.resets_at', 'resetsAt')
    .where('q.account_id = :accountId AND q.seen_at >= :since', { accountId, since })
    .andWhere('(q.resets_at IS NULL OR q.resets_at > 0)') // 0 marks the end of a window
    .orderBy('q.seen_at', 'DESC')
    .addOrderBy('q.duration_seconds', 'DESC')
    .limit(most + 1);
  if (before !== null)
    query.andWhere(
      'q.seen_at <= :seenAt AND (q.seen_at < :seenAt OR q.duration_seconds < :durationSeconds)',
      before,
    );
  // As plain rows: entities would cost the event loop much more.
  const rows = await query.getRawMany<Record<Exclude<keyof QuotaSample, 'accountId'>, unknown>>();
  const samples = rows.slice(0, most).map((it) => ({
    accountId,
    durationSeconds: Number(it.durationSeconds),
    seenAt: Number(it.seenAt),
    usedRatio: Number(it.usedRatio),
    resetsAt: it.resetsAt === null ? null : Number(it.resetsAt),
  }));
  const last = samples.at(-1);
  return {
    samples: samples.toReversed(),
    next: rows.length > most && last !== undefined ? last : null,
  };
}
