import { describe, expect, it } from 'vitest';
import { type AccountSettings, defaultSettings } from '../../accounts/account.js';
import { patchedSettings } from './account-settings-patch.js';
import { Problem } from '../problems/problem.js';

const before: AccountSettings = {
  isPaused: true,
  label: 'mine',
  priority: 3,
  reserveRatio: 0.1,
  maxInFlight: 4,
  credits: 'never',
};

function refusalOf(body: unknown): string {
  try {
    patchedSettings(before, body);
  } catch (error) {
    if (error instanceof Problem && error.getStatus() === 400) return error.message;
  }
  throw new Error('it was not refused');
}

describe('settings of an account', () => {
  it.each([
    ['nothing', {}, before],
    ['ending the pause', { paused: false }, { ...before, isPaused: false }],
    ['a label', { label: 'x'.repeat(100) }, { ...before, label: 'x'.repeat(100) }],
    ['removing the label', { label: null }, { ...before, label: null }],
    ['the lowest priority', { priority: -1_000 }, { ...before, priority: -1_000 }],
    ['the highest priority', { priority: 1_000 }, { ...before, priority: 1_000 }],
    ['no reserve', { reserve: 0 }, { ...before, reserveRatio: 0 }],
    ['the highest reserve', { reserve: 0.95 }, { ...before, reserveRatio: 0.95 }],
    ['the lowest cap', { maxInFlight: 1 }, { ...before, maxInFlight: 1 }],
    ['the highest cap', { maxInFlight: 10_000 }, { ...before, maxInFlight: 10_000 }],
    ['its credits', { credits: 'last' }, { ...before, credits: 'last' }],
    ['no cap', { maxInFlight: null }, { ...before, maxInFlight: null }],
    [
      'all at once',
      { paused: false, label: null, priority: 0, reserve: 0, maxInFlight: null, credits: 'last' },
      defaultSettings,
    ],
  ])('change by %s, and the rest stays', (_case, body, expected) => {
    expect(patchedSettings(before, body)).toEqual(expected);
  });

  it.each([
    ['paused', { paused: 'yes' }],
    ['paused', { paused: null }],
    ['label', { label: 7 }],
    ['label', { label: 'x'.repeat(101) }],
    ['label', { label: 'two\nlines' }],
    ['priority', { priority: 1.5 }],
    ['priority', { priority: 1_001 }],
    ['priority', { priority: -1_001 }],
    ['priority', { priority: '1' }],
    ['priority', { priority: null }],
    ['reserve', { reserve: 0.96 }],
    ['reserve', { reserve: -0.01 }],
    ['reserve', { reserve: '0.1' }],
    ['maxInFlight', { maxInFlight: 0 }],
    ['maxInFlight', { maxInFlight: 10_001 }],
    ['maxInFlight', { maxInFlight: 2.5 }],
    ['is_paused', { is_paused: true }],
    ['prority', { priority: 1, prority: 2 }],
    ['an object', []],
    ['an object', 'paused'],
    ['an object', null],
    ['an object', undefined],
  ])('are refused, naming %s, for %j', (word, body) => {
    expect(refusalOf(body)).toContain(word);
  });

  it('are rejected with all faults at once, without quoting the input', () => {
    const refusal = refusalOf({ paused: 'canary', label: ['canary'], ['x'.repeat(5_000)]: 'canary' });
    expect(refusal).toMatch(/paused: .*label: .*"x{40}"/);
    expect(refusal).not.toContain('canary');
    expect(refusal.length).toBeLessThan(600);
  });
});
