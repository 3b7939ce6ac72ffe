import type { EntityManager } from 'typeorm';
import { addRows } from '../storage/statements.js';
import { UsageDay } from './usage-day.entity.js';
import type { UsageRecord } from './usage-record.entity.js';
import { UsageRollup } from './usage-rollup.entity.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

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

/** Whether a turn counts in the sums. Turns that were refused, or failed after output, are only recorded. */
export function countsAsTurn({ status, outcome }: Pick<UsageRecord, 'status' | 'outcome'>): boolean {
  return outcome !== 'failed' && status !== null && status >= 200 && status < 300;
}

/** Sums up records: one rollup for each hour, account and model. */
export function rollUp(records: readonly UsageRecord[]): UsageRollup[] {
  const byKey = new Map<string, UsageRollup>();
  for (const it of records) {
    const hour = Math.floor(it.at / HOUR_MS) * HOUR_MS;
    const model = it.model ?? '';
    const key = JSON.stringify([hour, it.accountId, model]);
    const rollup =
      byKey.get(key) ??
      Object.assign(new UsageRollup(), { hour, accountId: it.accountId, model, ...noUsage() });
    const { input, cached, output, reasoning } = it;
    addUsage(rollup, { input, cached, output, reasoning, turns: countsAsTurn(it) ? 1 : 0 });
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
    const sums = byKey.get(key) ?? Object.assign(new UsageDay(), { day, accountId, ...noUsage() });
    addUsage(sums, it);
    byKey.set(key, sums);
  }
  return [...byKey.values()];
}

/** Adds records to the stored sums. Must run in the transaction that writes the records, so that all agree. */
export async function addToSums(manager: EntityManager, records: readonly UsageRecord[]): Promise<void> {
  const rollups = rollUp(records);
  await addRows(manager, UsageRollup, rollups, ['hour', 'accountId', 'model']);
  await addRows(manager, UsageDay, sumUpDays(rollups), ['day', 'accountId']);
}
