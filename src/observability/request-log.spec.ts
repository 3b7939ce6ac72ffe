import { describe, expect, it } from 'vitest';
import { limits } from '../config/limits.js';
import { type RequestEntry, RequestLog } from './request-log.js';

const decision = (id: string, result = 'complete'): RequestEntry => ({
  id,
  at: 1_900_000_000_000,
  method: 'POST',
  route: '/v1/responses',
  session: null,
  candidates: [],
  attempts: [],
  isReplayable: true,
  result,
  endedAt: null,
});

/** A log of so many decisions: `r-0` first. */
function logOf(count: number): RequestLog {
  const log = new RequestLog();
  for (let i = 0; i < count; i += 1) log.put(decision(`r-${i}`));
  return log;
}

const ids = (decisions: readonly RequestEntry[]): string[] => decisions.map((it) => it.id);

describe('DecisionLog', () => {
  it('tells the newest first, as many as are asked for', () => {
    expect(ids(logOf(3).list(2))).toEqual(['r-2', 'r-1']);
    expect(ids(logOf(3).list(9))).toEqual(['r-2', 'r-1', 'r-0']);
  });

  it('holds as many decisions as it may, however many come, and lets the oldest go first', () => {
    expect(logOf(limits.decisions).list(Infinity)).toHaveLength(limits.decisions);
    const count = limits.decisions + 50;
    const log = logOf(count);
    expect(log.list(Infinity)).toHaveLength(limits.decisions);
    expect(log.find('r-49')).toBeNull();
    expect(log.find('r-50')).toMatchObject({ id: 'r-50' });
    expect(ids(log.list(1))).toEqual([`r-${count - 1}`]);
  });

  it('takes what has become of a decision in its place, and drops none for it', () => {
    const log = logOf(limits.decisions);
    log.put(decision('r-0', 'cut'));
    expect(log.list(Infinity)).toHaveLength(limits.decisions);
    expect(log.find('r-0')).toMatchObject({ result: 'cut' });
    expect(ids(log.list(Infinity)).at(-1)).toBe('r-0');
  });
});
