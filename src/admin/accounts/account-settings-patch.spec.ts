import { describe, expect, it } from 'vitest';
import { type AccountSettings, defaultSettings } from '../../accounts/account.js';
import { patchedSettings } from './account-settings-patch.js';
import { Problem } from '../problems/problem.js';

const NOW = 1_900_000_000_000;
const YEAR = 366 * 86_400_000;

const before: AccountSettings = {
  isPaused: true,
  pausedUntil: null,
  pausedAt: NOW - 7,
  label: 'mine',
  priority: 3,
  reserveRatio: 0.1,
  maxInFlight: 4,
  credits: 'never',
};

function refusalOf(body: unknown): string {
  try {
    patchedSettings(before, body, NOW);
  } catch (error) {
    if (error instanceof Problem && error.getStatus() === 400) return error.message;
  }
  throw new Error('it was not refused');
}

describe('settings of an account', () => {
  it.each([
    ['nothing', {}, before],
    ['ending the pause', { paused: false }, { ...before, isPaused: false, pausedAt: null }],
    ['a pause with an end', { pausedUntil: NOW + 1 }, { ...before, pausedUntil: NOW + 1 }],
    ['the longest pause', { paused: true, pausedUntil: NOW + YEAR }, { ...before, pausedUntil: NOW + YEAR }],
    [
      'ending the pause with an end',
      { paused: false, pausedUntil: null },
      { ...before, isPaused: false, pausedAt: null },
    ],
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
    expect(patchedSettings(before, body, NOW)).toEqual(expected);
  });

  it.each([
    ['paused', { paused: 'yes' }],
    ['paused', { paused: null }],
    ['pausedUntil', { pausedUntil: NOW }],
    ['pausedUntil', { pausedUntil: NOW + YEAR + 1 }],
    ['pausedUntil', { pausedUntil: NOW + 0.5 }],
    ['pausedUntil', { pausedUntil: 'tomorrow' }],
    ['pausedUntil', { pausedUntil: true }],
    ['pausedUntil', { paused: false, pausedUntil: NOW + 1 }],
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

  it.each([
    ['no field of the pause', {}, { isPaused: true, pausedUntil: NOW + 5 }],
    ['a pause', { paused: true }, { isPaused: true, pausedUntil: null }],
    ['no end', { pausedUntil: null }, { isPaused: true, pausedUntil: null }],
    ['another end', { pausedUntil: NOW + 9 }, { isPaused: true, pausedUntil: NOW + 9 }],
    ['no pause', { paused: false }, { isPaused: false, pausedUntil: null }],
  ])('with a pause that has an end, and %s', (_case, body, expected) => {
    const paused = { ...before, pausedUntil: NOW + 5 };
    expect(patchedSettings(paused, body, NOW)).toMatchObject(expected);
  });

  it.each([
    ['nothing', {}],
    ['no end', { pausedUntil: null }],
  ])('a pause that is over stays over, with %s', (_case, body) => {
    const over = { ...before, pausedUntil: NOW };
    expect(patchedSettings(over, body, NOW)).toMatchObject({
      isPaused: false,
      pausedUntil: null,
      pausedAt: null,
    });
  });

  it.each([
    ['a pause begins', {}, { paused: true }, NOW],
    ['a pause with an end begins', {}, { pausedUntil: NOW + 5 }, NOW],
    [
      'one that is over begins anew',
      { isPaused: true, pausedUntil: NOW, pausedAt: 5 },
      { paused: true },
      NOW,
    ],
    ['it gets an end', { isPaused: true, pausedAt: 5 }, { pausedUntil: NOW + 5 }, 5],
    ['it is confirmed', { isPaused: true, pausedAt: 5 }, { paused: true }, 5],
    ['the label changes', { isPaused: true, pausedAt: 5 }, { label: 'x' }, 5],
    ['its beginning is not known', { isPaused: true, pausedAt: null }, { pausedUntil: NOW + 5 }, null],
    ['it ends', { isPaused: true, pausedAt: 5 }, { paused: false }, null],
  ])('keep the beginning of a pause: %s', (_case, pause, body, pausedAt) => {
    expect(patchedSettings({ ...defaultSettings, ...pause }, body, NOW)).toMatchObject({ pausedAt });
  });
});
