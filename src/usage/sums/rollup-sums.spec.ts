import { describe, expect, it } from 'vitest';
import { addUsage, countsAsTurn, noUsage, rollUp } from './rollup-sums.js';
import { UsageRecord } from './usage-record.entity.js';

const HOUR = 3_600_000;
const noon = Date.UTC(2026, 0, 2, 12);

function record(fields: Partial<UsageRecord> = {}): UsageRecord {
  const plain = {
    id: 'r',
    at: noon,
    accountId: 'a',
    model: 'm',
    status: 200,
    outcome: 'complete',
    movedFrom: null,
    accountsTried: 1,
  };
  const counts = { input: 10, cached: 4, output: 3, reasoning: 1 };
  return Object.assign(new UsageRecord(), plain, counts, fields);
}

describe('rollups', () => {
  it('are empty without records', () => {
    expect(rollUp([])).toEqual([]);
  });

  it('sum up the records of an hour', () => {
    const rollups = rollUp([record(), record({ at: noon + HOUR - 1, input: 5, cached: 0 })]);
    expect(rollups).toEqual([
      expect.objectContaining({
        hour: noon,
        accountId: 'a',
        model: 'm',
        turns: 2,
        input: 15,
        cached: 4,
        output: 6,
        reasoning: 2,
      }),
    ]);
  });

  it.each([
    ['hour', { at: noon + HOUR }],
    ['account', { accountId: 'b' }],
    ['model', { model: 'n' }],
    ['lack of a model', { model: null }],
  ])('are separate by %s', (_by, fields) => {
    expect(rollUp([record(), record(fields)]).map((it) => it.turns)).toEqual([1, 1]);
  });

  it('are separate when account and model only look the same joined together', () => {
    const records = [record({ accountId: 'a b', model: 'c' }), record({ accountId: 'a', model: 'b c' })];
    expect(rollUp(records).map(({ accountId, model }) => [accountId, model])).toEqual([
      ['a b', 'c'],
      ['a', 'b c'],
    ]);
  });

  it('do not count a refused turn, whatever it reports', () => {
    expect(rollUp([record({ status: 429 }), record()])).toEqual([
      expect.objectContaining({ turns: 1, input: 20 }),
    ]);
  });

  it('stay exact in large numbers', () => {
    const many = Array.from({ length: 1_000 }, () => record({ input: 1_000_000_000 }));
    expect(rollUp(many)[0]?.input).toBe(1_000_000_000_000);
  });
});

describe('sums', () => {
  it('are added field by field, in place', () => {
    const sums = { turns: 1, input: 2, cached: 3, output: 4, reasoning: 5 };
    addUsage(sums, { turns: 10, input: 20, cached: 30, output: 40, reasoning: 50 });
    expect(sums).toEqual({ turns: 11, input: 22, cached: 33, output: 44, reasoning: 55 });
  });

  it('begin at zero, and share nothing', () => {
    const one = noUsage();
    one.turns = 1;
    expect(noUsage().turns).toBe(0);
  });

  it.each([
    [null, false],
    [199, false],
    [200, true],
    [299, true],
    [300, false],
    [429, false],
    [499, false],
  ])('count a turn with status %s: %s', (status, counts) => {
    expect(countsAsTurn({ status, outcome: 'complete' })).toBe(counts);
  });

  it('do not count a turn that failed after output', () => {
    expect(countsAsTurn({ status: 200, outcome: 'failed' })).toBe(false);
  });
});
