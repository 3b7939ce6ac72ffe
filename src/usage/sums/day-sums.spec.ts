import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { DaySums, localDay } from './day-sums.js';
import { noUsage } from './rollup-sums.js';

const HOUR = 3_600_000;
const midday = new Date(2026, 5, 10, 12).getTime();
const turn = { turns: 1, input: 100, cached: 80, output: 10, reasoning: 5 };

describe('the sums of a local day', () => {
  it('are those of the turns that began on it', () => {
    const sums = new DaySums();
    sums.add(midday, 'a', turn);
    sums.add(midday + HOUR, 'a', turn);
    sums.add(midday, 'b', turn);
    sums.count(midday, { failovers: 1, failed: 0 });
    expect(sums.ofAccount(midday, 'a')).toMatchObject({ turns: 2, input: 200 });
    expect(sums.ofAll(midday)).toMatchObject({ turns: 3, cached: 240, failovers: 1, failed: 0 });
    expect(sums.ofAccount(midday, 'c')).toEqual(noUsage());
  });

  it('begin at zero at midnight; a turn that began before counts in its own day', () => {
    const { start, end } = localDay(midday);
    const sums = new DaySums();
    sums.add(end - 1, 'a', turn);
    expect(sums.ofAll(end)).toMatchObject({ turns: 0 });
    sums.add(end, 'a', turn);
    sums.add(end - 1, 'a', turn);
    expect(sums.ofAccount(end, 'a').turns).toBe(1);
    expect(sums.ofAccount(start, 'a').turns).toBe(2);
  });

  it('are still there after the clock was ahead for a while', () => {
    const sums = new DaySums();
    sums.add(midday, 'a', turn);
    sums.add(midday + 900 * 24 * HOUR, 'a', turn);
    sums.add(midday, 'a', turn);
    expect(sums.ofAll(midday).turns).toBe(2);
  });

  it('are kept for a bounded number of days and accounts', () => {
    const sums = new DaySums();
    for (let day = 0; day <= limits.daysWithSums; day += 1) sums.add(midday + day * 24 * HOUR, 'a', turn);
    expect(sums.ofAll(midday).turns).toBe(0);
    const { accountsWithTotals } = limits;
    for (let i = 0; i <= accountsWithTotals; i += 1) sums.add(midday, `account ${i}`, turn);
    expect(sums.ofAccount(midday, `account ${accountsWithTotals - 1}`).turns).toBe(1);
    expect(sums.ofAccount(midday, `account ${accountsWithTotals}`).turns).toBe(0);
    expect(sums.ofAll(midday).turns).toBe(accountsWithTotals + 1);
  });
});

it('a local day is 23 to 25 hours long, and holds its time', () => {
  for (let day = 0; day < 400; day += 1) {
    const at = midday + day * 24 * HOUR;
    const { start, end } = localDay(at);
    expect(start <= at && at < end).toBe(true);
    expect([23, 24, 25]).toContain((end - start) / HOUR);
  }
});
