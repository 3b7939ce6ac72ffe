import { describe, expect, it } from 'vitest';
import { deltaOf, isSameView, type LiveView } from './live-view.js';

const view: LiveView = {
  summary: { now: 1, inFlight: 0, verdict: { kind: 'serves', sentence: 'Serves' } },
  accounts: [{ name: 'a' }, { name: 'b' }],
  requests: [{ id: 'r-1', endedAt: null }],
  logins: [{ id: 'l-1' }],
};

describe('isSameView', () => {
  it.each<[string, unknown, unknown]>([
    ['times and sentences', { now: 1, a: [{ sentence: 'in 2 s' }] }, { now: 2, a: [{ sentence: 'in 1 s' }] }],
    ['an absent sentence', { a: 1 }, { a: 1, sentence: 'x' }],
    ['an undefined field', { a: 1, b: undefined }, { a: 1 }],
    ['equal parts', { a: { b: [1, { c: null }] } }, { a: { b: [1, { c: null }] } }],
  ])('ignores %s', (_what, one, other) => {
    expect(isSameView(one, other)).toBe(true);
    expect(isSameView(other, one)).toBe(true);
  });

  it.each<[string, unknown, unknown]>([
    ['another value', { a: 1 }, { a: 2 }],
    ['a new field', { a: 1 }, { a: 1, b: 2 }],
    ['null and absent', { a: null }, {}],
    ['a longer list', { a: [1] }, { a: [1, 2] }],
    ['another order', [1, 2], [2, 1]],
    ['a list and an object', [], {}],
    ['a deep change', { a: [{ b: { c: 1 } }] }, { a: [{ b: { c: 2 } }] }],
    ['something and nothing', { a: 1 }, undefined],
  ])('sees %s', (_what, one, other) => {
    expect(isSameView(one, other)).toBe(false);
    expect(isSameView(other, one)).toBe(false);
  });
});

describe('deltaOf', () => {
  it('is null if only the time has changed', () => {
    const later = {
      ...view,
      summary: { now: 9, inFlight: 0, verdict: { kind: 'serves', sentence: 'In 1 s' } },
    };
    expect(deltaOf(view, later)).toBeNull();
  });

  it('has the changed entities alone, whole', () => {
    const changed = { name: 'b', inFlight: 1, sentence: 'Ready' };
    expect(deltaOf(view, { ...view, accounts: [{ name: 'a' }, changed] })).toEqual({ accounts: [changed] });
    const summary = { now: 2, inFlight: 1 };
    expect(deltaOf(view, { ...view, summary })).toEqual({ summary });
    const ended = { id: 'r-1', endedAt: 5 };
    const added = { id: 'r-2', endedAt: null };
    expect(deltaOf(view, { ...view, requests: [added, ended] })).toEqual({ requests: [added, ended] });
    const login = { id: 'l-1', state: 'succeeded' };
    expect(deltaOf(view, { ...view, logins: [login] })).toEqual({ logins: [login] });
  });

  it('names the accounts that are gone', () => {
    expect(deltaOf(view, { ...view, accounts: [{ name: 'a' }, { name: 'c' }] })).toEqual({
      accounts: [{ name: 'c' }],
      accountsGone: ['b'],
    });
  });
});
