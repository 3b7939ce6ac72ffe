import { describe, expect, it } from 'vitest';
import type { QuotaWindow } from '../../usage/quota-window.js';
import { selectionPolicyNames } from '../../config/selection-policy-name.js';
import { type Candidate, quotaLeft, selectionPolicies, sustainableRate } from './selection-policy.js';

const NOW = 1_900_000_000_000;
const HOUR = 3_600_000;

const window = (usedRatio: number, resetsInMs: number | null, durationSeconds = 18_000): QuotaWindow => ({
  durationSeconds,
  usedRatio,
  resetsAt: resetsInMs === null ? null : NOW + resetsInMs,
  seenAt: NOW,
});

const candidate = (name: string, facts: Partial<Candidate> = {}): Candidate => ({
  name,
  inFlight: 0,
  priority: 0,
  capacity: 1,
  windows: [window(0.5, HOUR)],
  ...facts,
});

type Pool = [Candidate, ...Candidate[]];

describe('selection policies', () => {
  it.each(selectionPolicyNames)(
    '%s takes the only candidate, and the first by name of equal ones',
    (name) => {
      expect(selectionPolicies[name]([candidate('a')], NOW, '').name).toBe('a');
      expect(selectionPolicies[name]([candidate('a'), candidate('b')], NOW, '').name).toBe('a');
    },
  );

  it.each<[keyof typeof selectionPolicies, string, Pool, string]>([
    [
      'most-quota-left',
      'the tightest window counts',
      [
        candidate('a', { windows: [window(0.1, HOUR), window(0.9, HOUR, 604_800)] }),
        candidate('b', { windows: [window(0.6, HOUR), window(0.6, HOUR, 604_800)] }),
      ],
      'b',
    ],
    [
      'most-quota-left',
      'remaining quota is shared among the requests in flight',
      [
        candidate('a', { inFlight: 2, windows: [window(0, HOUR)] }),
        candidate('b', { windows: [window(0.6, HOUR)] }),
      ],
      'b',
    ],
    [
      'most-quota-left',
      'a window whose reset has passed is full again',
      [candidate('a', { windows: [window(0.4, HOUR)] }), candidate('b', { windows: [window(1, -1)] })],
      'b',
    ],
    [
      'most-quota-left',
      'an unknown account counts as half full, not as full',
      [candidate('a', { windows: [] }), candidate('b', { windows: [window(0.4, HOUR)] })],
      'b',
    ],
    [
      'most-quota-left',
      'nor as empty',
      [candidate('a', { windows: [window(0.6, HOUR)] }), candidate('b', { windows: [] })],
      'b',
    ],
    [
      'sustainable-rate',
      'quota that resets soon is spent first',
      [
        candidate('a', { windows: [window(0.5, 4 * HOUR)] }),
        candidate('b', { windows: [window(0.5, HOUR)] }),
      ],
      'b',
    ],
    [
      'sustainable-rate',
      'a larger plan sustains a higher rate',
      [candidate('a'), candidate('b', { capacity: 10 })],
      'b',
    ],
    [
      'sustainable-rate',
      'the slowest window is the limit',
      [
        candidate('a', { windows: [window(0, HOUR), window(0.9, 100 * HOUR, 604_800)] }),
        candidate('b', { windows: [window(0.5, 4 * HOUR), window(0.5, 100 * HOUR, 604_800)] }),
      ],
      'b',
    ],
    [
      'sustainable-rate',
      'an unknown account counts as the average of the others',
      [
        candidate('a', { windows: [window(0.9, HOUR)] }),
        candidate('b', { windows: [] }),
        candidate('c', { windows: [window(0.1, HOUR)] }),
      ],
      'c',
    ],
    [
      'sustainable-rate',
      'the sustainable rate is shared among the requests in flight',
      [candidate('a', { inFlight: 1 }), candidate('b', { windows: [window(0.6, HOUR)] })],
      'b',
    ],
    ['fewest-in-flight', 'quota does not matter', [candidate('a', { inFlight: 1 }), candidate('b')], 'b'],
    ['fill-first', 'the highest priority goes first', [candidate('a'), candidate('b', { priority: 5 })], 'b'],
    [
      'fill-first',
      'requests in flight do not matter',
      [candidate('a', { inFlight: 9 }), candidate('b')],
      'a',
    ],
  ])('%s: %s', (name, _rule, pool, chosen) => {
    expect(selectionPolicies[name](pool, NOW, '').name).toBe(chosen);
  });

  it('round-robin takes turns by name, also while accounts come and go', () => {
    const [a, b, c] = [candidate('a'), candidate('b'), candidate('c')];
    const pools: Pool[] = [
      [a, b, c],
      [a, b, c],
      [a, b, c],
      [a, b, c],
      [a, c],
      [a, b, c],
    ];
    let last = '';
    const picked = pools.map((pool) => {
      last = selectionPolicies['round-robin'](pool, NOW, last).name;
      return last;
    });
    expect(picked).toEqual(['a', 'b', 'c', 'a', 'c', 'a']);
  });
});

describe('quotaLeft', () => {
  it.each<[string, QuotaWindow[], number]>([
    ['half, when nothing is known', [], 0.5],
    ['all, when nothing is used', [window(0, HOUR)], 1],
    ['none, when more than all is used', [window(1.3, HOUR)], 0],
    ['all, when the reset has passed', [window(1, 0)], 1],
    ['that of the tightest window', [window(0.25, HOUR), window(0.75, HOUR, 604_800)], 0.25],
  ])('is %s', (_case, windows, left) => {
    expect(quotaLeft(windows, NOW)).toBeCloseTo(left);
  });
});

describe('sustainableRate', () => {
  it.each<[string, Partial<Candidate>, number]>([
    ['the remaining quota over the time to the reset', { windows: [window(0.5, HOUR)] }, 0.5 / 3_600],
    ["larger by the plan's capacity", { capacity: 10, windows: [window(0.5, HOUR)] }, 5 / 3_600],
    ['a whole window over its duration once its reset has passed', { windows: [window(1, -1)] }, 1 / 18_000],
    ['measured at half the duration when no reset is known', { windows: [window(0.5, null)] }, 0.5 / 9_000],
    ['nothing when nothing is left', { windows: [window(1, HOUR)] }, 0],
    ['finite in the last second before the reset', { windows: [window(0, 1)] }, 1],
  ])('is %s', (_case, facts, rate) => {
    expect(sustainableRate(candidate('a', facts), NOW)).toBeCloseTo(rate, 12);
  });

  it('is unknown without windows', () => {
    expect(sustainableRate(candidate('a', { windows: [] }), NOW)).toBeNull();
  });
});
