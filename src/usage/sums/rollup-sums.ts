import { UsageDay } from './usage-day.entity.js';
import type { UsageRecord } from './usage-record.entity.js';
import { UsageRollup } from './usage-rollup.entity.js';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** Sums over turns: the fields of every reported or stored total. */
export interface UsageSums {
  turns: number;
  input: number;
  cached: number;
  output: number;
  reasoning: number;
}

export function noUsage(): UsageSums {
  return { turns: 0, input: 0, cached: 0, output: 0, reasoning: 0 };
}

/** Adds `more` to `sums`, in place. */
export function addUsage(sums: UsageSums, more: Readonly<UsageSums>): void {
  sums.turns += more.turns;
  sums.input += more.input;
  sums.cached += more.cached;
  sums.output += more.output;
  sums.reasoning += more.reasoning;
}

/** Stored sums. */
export interface RecordedSums extends UsageSums {
  /** Input tokens that upstream had not cached, of turns that moved their session to another account. */
  resent: number;
  /** Turns that more than one account was tried for. */
  failovers: number;
}

export function noRecorded(): RecordedSums {
  return { ...noUsage(), resent: 0, failovers: 0 };
}

/** Adds `more` to `sums`, in place. */
export function addRecorded(sums: RecordedSums, more: Readonly<RecordedSums>): void {
  addUsage(sums, more);
  sums.resent += more.resent;
  sums.failovers += more.failovers;
}

/** Returns the part that a record has in the sums. */
export function sumsOf(record: UsageRecord): RecordedSums {
  const { input, cached, output, reasoning, movedFrom, accountsTried } = record;
  return {
    turns: countsAsTurn(record) ? 1 : 0,
    input,
    cached,
    output,
    reasoning,
    resent: movedFrom === null ? 0 : Math.max(0, input - cached),
    failovers: accountsTried > 1 ? 1 : 0,
  };
}

/** Whether a turn counts in the sums. Turns that were refused, or failed after output, are only recorded. */
export function countsAsTurn({ status, outcome }: Pick<UsageRecord, 'status' | 'outcome'>): boolean {
  return outcome !== 'failed' && status !== null && status >= 200 && status < 300;
}

/** `countsAsTurn` in SQL, for a record `turn`: 1 or 0. */
export const IS_TURN =
  "CASE WHEN turn.outcome <> 'failed' AND turn.status >= 200 AND turn.status < 300 THEN 1 ELSE 0 END";

/** Sums up records: one rollup for each hour, account and model. */
export function rollUp(records: readonly UsageRecord[]): UsageRollup[] {
  const byKey = new Map<string, UsageRollup>();
  for (const it of records) {
    const hour = Math.floor(it.at / HOUR_MS) * HOUR_MS;
    const model = it.model ?? '';
    const key = JSON.stringify([hour, it.accountId, model]);
    const rollup =
      byKey.get(key) ??
      Object.assign(new UsageRollup(), { hour, accountId: it.accountId, model, ...noRecorded() });
    addRecorded(rollup, sumsOf(it));
    byKey.set(key, rollup);
  }
  return [...byKey.values()];
}

/** Sums up rollups: one row for each day of UTC and account. */
export function sumUpDays(rollups: readonly UsageRollup[]): UsageDay[] {
  const byKey = new Map<string, UsageDay>();
  for (const it of rollups) {
    const { accountId } = it;
    const day = Math.floor(it.hour / DAY_MS) * DAY_MS;
    const key = `${day} ${accountId}`;
    const sums = byKey.get(key) ?? Object.assign(new UsageDay(), { day, accountId, ...noRecorded() });
    addRecorded(sums, it);
    byKey.set(key, sums);
  }
  return [...byKey.values()];
}
