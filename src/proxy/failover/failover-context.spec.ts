import { afterEach, describe, expect, it, vi } from 'vitest';
import { limits } from '../../config/limits.js';
import { AttemptBudget } from './attempt-budget.js';

afterEach(() => void vi.useRealTimers());

describe('the attempts of a request', () => {
  it('are as many as may be', () => {
    const budget = new AttemptBudget();
    expect(budget.left(3)).toBe(3);
    budget.spent = 3;
    expect(budget.left(3)).toBe(0);
  });

  it('end when the request has taken too long', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const budget = new AttemptBudget();
    vi.advanceTimersByTime(limits.attemptsMs - 1);
    expect(budget.left(3)).toBe(3);
    vi.advanceTimersByTime(1);
    expect(budget.left(3)).toBe(0);
  });
});
