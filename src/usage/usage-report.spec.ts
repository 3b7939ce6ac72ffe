import { describe, expect, it } from 'vitest';
import { limits } from '../config/limits.js';
import { summed, type UsageQuery } from './usage-report.js';
import { UsageRollup } from './usage-rollup.entity.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const midnight = Date.UTC(2026, 0, 2);

function rollup(hour: number, fields: Partial<UsageRollup> = {}): UsageRollup {
  const plain = { hour: midnight + hour * HOUR, accountId: 'a', model: 'm' };
  return Object.assign(
    new UsageRollup(),
    plain,
    { turns: 1, input: 10, cached: 4, output: 3, reasoning: 1 },
    fields,
  );
}

const question = (fields: Partial<UsageQuery> = {}): UsageQuery => ({
  from: 0,
  to: Number.MAX_SAFE_INTEGER,
  bucket: 'hour',
  by: 'none',
  ...fields,
});

const times = (n: number) => ({ turns: n, input: 10 * n, cached: 4 * n, output: 3 * n, reasoning: n });

describe('the sums of rollups', () => {
  it('are zero when nothing is recorded', () => {
    expect(summed([], question())).toEqual({ totals: times(0), accounts: [], hours: [] });
  });

  it('add up over all, by account and by hour, to the same', () => {
    const rollups = [rollup(0), rollup(0, { accountId: 'b' }), rollup(1, { model: 'n' }), rollup(30)];
    const { totals, accounts, hours } = summed(rollups, question());
    expect(totals).toEqual(times(4));
    expect(accounts).toEqual([
      { accountId: 'a', ...times(3) },
      { accountId: 'b', ...times(1) },
    ]);
    expect(hours).toEqual([
      { at: midnight, ...times(2) },
      { at: midnight + HOUR, ...times(1) },
      { at: midnight + 30 * HOUR, ...times(1) },
    ]);
  });

  it('combine the hours of a (UTC) day', () => {
    const { hours } = summed([rollup(0), rollup(23), rollup(24)], question({ bucket: 'day' }));
    expect(hours).toEqual([
      { at: midnight, ...times(2) },
      { at: midnight + DAY, ...times(1) },
    ]);
  });

  it('are split by account or by model when requested', () => {
    const rollups = [rollup(0), rollup(0, { accountId: 'b' }), rollup(0, { model: '' })];
    expect(summed(rollups, question({ by: 'account' })).hours).toEqual([
      { at: midnight, accountId: 'a', ...times(2) },
      { at: midnight, accountId: 'b', ...times(1) },
    ]);
    expect(summed(rollups, question({ by: 'model' })).hours).toEqual([
      { at: midnight, model: 'm', ...times(2) },
      { at: midnight, model: '', ...times(1) },
    ]);
  });

  it('leave the rollups unchanged', () => {
    const rollups = [rollup(0), rollup(0)];
    summed(rollups, question());
    expect(rollups[0]?.turns).toBe(1);
  });

  it('are limited to the newest buckets if there are too many, with totals over all', () => {
    const rollups = Array.from({ length: limits.usageBuckets + 5 }, (_, hour) => rollup(hour));
    const { totals, hours } = summed(rollups, question());
    expect(totals.turns).toBe(limits.usageBuckets + 5);
    expect(hours).toHaveLength(limits.usageBuckets);
    expect(hours[0]?.at).toBe(midnight + 5 * HOUR);
  });
});
