import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { BudgetClaim, ReplayBudget } from './replay-budget.js';

describe('the room for bodies', () => {
  it('is as large as the limit', () => {
    const budget = new ReplayBudget();
    expect(budget.claim(limits.replayBytesInTotal)).toBe(true);
    expect(budget.claim(1)).toBe(false);
    expect(budget.bytes).toBe(limits.replayBytesInTotal);
  });

  it('is shared by all holders, and available again once they return it', () => {
    const budget = new ReplayBudget(100);
    const [one, other] = [new BudgetClaim(budget), new BudgetClaim(budget)];
    expect([one.more(60), other.more(40), other.more(1), one.more(1)]).toEqual([true, true, false, false]);
    one[Symbol.dispose]();
    expect([budget.bytes, one.bytes, other.bytes]).toEqual([40, 0, 40]);
    expect(other.more(60)).toBe(true);
    other[Symbol.dispose]();
    expect(budget.bytes).toBe(0);
  });

  it('is returned once', () => {
    const budget = new ReplayBudget(100);
    budget.claim(10);
    const claim = new BudgetClaim(budget);
    claim.more(50);
    for (const _time of [1, 2]) claim[Symbol.dispose]();
    expect(budget.bytes).toBe(10);
  });
});
