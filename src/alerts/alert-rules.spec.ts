import { describe, expect, it } from 'vitest';
import { limits } from '../config/limits.js';
import { AlertRules, type PoolCondition } from './alert-rules.js';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const start = 1_900_000_000_000;

const anAccount = (fields: Partial<PoolCondition['accounts'][number]> = {}) => ({
  id: 'id-a',
  name: 'a',
  needsLogin: false,
  isDeactivated: false,
  ...fields,
});
const fine: PoolCondition = { accounts: [anAccount()], ready: 1, isOut: false, backAt: null, windows: [] };
const out: PoolCondition = { ...fine, ready: 0, isOut: true };
const needsLogin: PoolCondition = { ...fine, accounts: [anAccount({ needsLogin: true })] };
const left = (leftRatio: number): PoolCondition => ({
  ...fine,
  windows: [{ durationSeconds: 18_000, leftRatio, resetsAt: null }],
});

/** The events of a course of conditions, each at its time after the start. */
function eventsOf(...course: readonly (readonly [ms: number, condition: PoolCondition])[]): string[][] {
  const rules = new AlertRules(0.1);
  return course.map(([ms, condition]) => rules.after(condition, start + ms).map((it) => it.event));
}

describe('AlertRules', () => {
  it.each<[string, PoolCondition, string]>([
    ['an account that needs a login', needsLogin, 'account-needs-login'],
    [
      'a deactivated account',
      { ...fine, accounts: [anAccount({ isDeactivated: true })] },
      'account-deactivated',
    ],
    ['a pool that is out', out, 'pool-out'],
    ['a window under the mark', left(0.09), 'quota-low'],
  ])('reports %s once, and not if it was so at the start', (_what, bad, event) => {
    const before = { ...fine, windows: left(0.5).windows };
    expect(eventsOf([0, before], [1, bad], [2, bad], [3 * MINUTE, bad], [60 * MINUTE, bad])).toEqual([
      [],
      [event],
      [],
      [],
      [],
    ]);
    expect(eventsOf([0, bad], [1, bad], [60 * MINUTE, bad])).toEqual([[], [], []]);
  });

  it('reports a fact that comes and goes at most once in ten minutes, and then if it still holds', () => {
    expect(
      eventsOf(
        [0, fine],
        [1, needsLogin],
        [2, fine],
        [3, needsLogin],
        [4, fine],
        [5 * MINUTE, needsLogin],
        [limits.alertPauseMs, needsLogin],
        [limits.alertPauseMs + 1, needsLogin],
        [limits.alertPauseMs + 2, needsLogin],
      ),
    ).toEqual([[], ['account-needs-login'], [], [], [], [], [], ['account-needs-login'], []]);
  });

  it('reports each account by itself, and new ones', () => {
    const rules = new AlertRules(0.1);
    rules.after(fine, start);
    const accounts = ['a', 'b'].map((it) => anAccount({ id: it, name: it, needsLogin: true }));
    expect(rules.after({ ...fine, accounts }, start + 1)).toEqual([
      { event: 'account-needs-login', account: 'a' },
      { event: 'account-needs-login', account: 'b' },
    ]);
  });

  it('reports that the pool is back only after it was reported to be out', () => {
    expect(eventsOf([0, fine], [1, out], [2, fine], [3, fine])).toEqual([
      [],
      ['pool-out'],
      ['pool-back'],
      [],
    ]);
    expect(eventsOf([0, out], [1, fine])).toEqual([[], []]); // an empty pool gets its first account
    const short = { ...out, backAt: start + 30 * SECOND };
    expect(eventsOf([0, fine], [1, short], [2, fine])).toEqual([[], [], []]);
  });

  it('reports a pool that is out for a short time again and again', () => {
    const short = (ms: number): [number, PoolCondition] => [ms, { ...out, backAt: start + ms + 30 * SECOND }];
    expect(eventsOf([0, fine], short(0), short(30 * SECOND), short(59 * SECOND), short(MINUTE))).toEqual([
      [],
      [],
      [],
      [],
      ['pool-out'],
    ]);
  });

  it('never leaves the receiver with the wrong state of the pool', () => {
    expect(
      eventsOf(
        [0, fine],
        [1, out],
        [2, fine],
        [3, out],
        [limits.alertPauseMs, out],
        [limits.alertPauseMs + 1, out],
        [limits.alertPauseMs + 1, fine],
        [limits.alertPauseMs + 2, fine],
        [limits.alertPauseMs + 3, fine],
      ),
    ).toEqual([[], ['pool-out'], ['pool-back'], [], [], ['pool-out'], [], ['pool-back'], []]);
  });

  it('reports a window again only after it has gained more than a little', () => {
    const HOUR = 60 * MINUTE;
    expect(
      eventsOf([0, left(0.5)], [1, left(0.09)], [HOUR, left(0.11)], [2 * HOUR, left(0.09)]).flat(),
    ).toEqual(['quota-low']);
    expect(
      eventsOf([0, left(0.5)], [1, left(0.09)], [HOUR, left(0.9)], [2 * HOUR, left(0.09)]).flat(),
    ).toEqual(['quota-low', 'quota-low']);
    expect(new AlertRules(0).after(left(0), start)).toEqual([]);
  });

  it('does not wait for a clock that was set back', () => {
    const DAY = 24 * 60 * MINUTE;
    expect(eventsOf([0, fine], [1, needsLogin], [-DAY, fine], [1 - DAY, needsLogin]).flat()).toEqual([
      'account-needs-login',
      'account-needs-login',
    ]);
  });

  it('remembers a bounded number of alerts', () => {
    const rules = new AlertRules(0.1);
    rules.after(fine, start);
    let count = 0;
    for (let it = 0; it < limits.alertsRemembered + 10; it += 1)
      count += rules.after(
        { ...fine, accounts: [anAccount({ id: `${it}`, needsLogin: true })] },
        start,
      ).length;
    expect(count).toBe(limits.alertsRemembered + 10);
    const first = { ...fine, accounts: [anAccount({ id: '0', needsLogin: true })] };
    const recent = { ...fine, accounts: [anAccount({ id: '100', needsLogin: true })] };
    expect(rules.after(recent, start)).toEqual([]);
    expect(rules.after(first, start)).toHaveLength(1);
  });
});
