import { describe, expect, it } from 'vitest';
import { limits } from '../config/limits.js';
import { quotaFromHeaders, quotaFromUsage } from './quota-report.js';

const now = 1_800_000_000_000;
const epoch = now / 1_000;

const report = (fields: object) => quotaFromUsage({ plan_type: 'pro', ...fields }, now);
const word = (rateLimit: unknown) =>
  quotaFromUsage({ plan_type: 'pro', rate_limit: rateLimit }, now)?.statement?.isAllowed ?? null;
const credits = (value: unknown) => quotaFromUsage({ plan_type: 'pro', credits: value }, now)?.credits;

describe('quota windows from the headers of a turn', () => {
  it('are known by their duration, whatever their slot', () => {
    const headers = {
      'x-codex-primary-used-percent': '12.5',
      'x-codex-primary-window-minutes': '10080',
      'x-codex-primary-reset-at': String(epoch + 60),
    };
    expect(quotaFromHeaders(headers, now).windows).toEqual([
      { durationSeconds: 604_800, usedRatio: 0.125, resetsAt: now + 60_000, seenAt: now },
    ]);
  });

  it.each([
    ['no duration', { 'x-codex-primary-used-percent': '5' }],
    ['no share', { 'x-codex-primary-window-minutes': '300' }],
    ['a negative share', { 'x-codex-primary-used-percent': '-1', 'x-codex-primary-window-minutes': '300' }],
    ['words', { 'x-codex-primary-used-percent': 'lots', 'x-codex-primary-window-minutes': '300' }],
    ['a duration of nothing', { 'x-codex-primary-used-percent': '5', 'x-codex-primary-window-minutes': '0' }],
  ])('are unknown with %s', (_what, headers) => {
    expect(quotaFromHeaders(headers, now).windows).toEqual([]);
  });

  it('take zero as a value', () => {
    const headers = { 'x-codex-primary-used-percent': '0', 'x-codex-primary-window-minutes': '300' };
    expect(quotaFromHeaders(headers, now).windows).toMatchObject([{ usedRatio: 0, resetsAt: null }]);
  });
});

describe("upstream's usage response", () => {
  const window = {
    used_percent: 40,
    limit_window_seconds: 604_800,
    reset_after_seconds: 10,
    reset_at: epoch + 10,
  };

  it('shows a weekly-only account with one weekly window and no other', () => {
    const response = quotaFromUsage(
      { plan_type: 'Pro', rate_limit: { primary_window: window, secondary_window: null } },
      now,
    );
    expect(response).toEqual({
      plan: 'pro',
      statement: null,
      meters: new Map(),
      credits: null,
      windows: [{ durationSeconds: 604_800, usedRatio: 0.4, resetsAt: now + 10_000, seenAt: now }],
    });
  });

  it('never believes a reset that lies beyond the window', () => {
    const far = { ...window, reset_at: 15_000_000_000 };
    const response = quotaFromUsage({ plan_type: 'pro', rate_limit: { primary_window: far } }, now);
    expect(response?.windows[0]?.resetsAt).toBe(now + 604_800_000);
  });

  it.each([
    ['HTML', null],
    ['a list', []],
    ['an empty object', {}],
    ['a number', 5],
    ['junk', { rate_limit: 'x' }],
  ])('is rejected when it is %s', (_what, json) => {
    expect(quotaFromUsage(json, now)).toBeNull();
  });
});

describe('the meters of a report', () => {
  const limit = {
    allowed: true,
    limit_reached: false,
    primary_window: { used_percent: 100, limit_window_seconds: 60 },
  };
  const spark = {
    limit_name: 'GPT-5.3-Codex-Spark',
    metered_feature: 'codex_bengalfox',
    normal_model_slug: 'gpt-5.3-codex',
    rate_limit: limit,
  };

  it('are known by their feature, with label, model, windows and upstream’s statement', () => {
    expect([...(report({ additional_rate_limits: [spark] })?.meters ?? [])]).toEqual([
      [
        'codex_bengalfox',
        {
          label: 'GPT-5.3-Codex-Spark',
          normalModel: 'gpt-5.3-codex',
          statement: { isAllowed: true, at: now, until: now + limits.quotaUnknownMs },
          isRestored: false,
          windows: [{ durationSeconds: 60, usedRatio: 1, resetsAt: null, seenAt: now }],
        },
      ],
    ]);
  });

  it.each<[string, unknown, string[]]>([
    ['null', null, []],
    ['no list', { a: 1 }, []],
    ['text', 'spark', []],
    ['entries that are none', [null, 7, 'x', {}, { metered_feature: '' }], []],
    [
      'an entry of wrong types beside a good one',
      [{ ...spark, metered_feature: 7, limit_name: [] }, spark],
      ['codex_bengalfox'],
    ],
    ['an unknown meter', [{ metered_feature: 'Brand-New Thing' }], ['brand_new_thing']],
    ['an entry with a label only', [{ limit_name: 'Sora' }], ['sora']],
    ['the general meter itself', [{ metered_feature: 'codex' }], []],
    ['a rate limit of the wrong type', [{ ...spark, rate_limit: 'full' }], ['codex_bengalfox']],
  ])('are read as far as they make sense: %s', (_what, entries, keys) => {
    const seen = report({ rate_limit: limit, additional_rate_limits: entries });
    expect([...(seen?.meters.keys() ?? [])]).toEqual(keys);
    expect(seen?.windows).toHaveLength(1);
  });

  it('are bounded, whatever upstream sends', () => {
    const many = Array.from({ length: 2_000 }, (_, i) => ({ ...spark, metered_feature: `meter_${i}` }));
    expect(report({ additional_rate_limits: many })?.meters.size).toBe(limits.metersPerAccount);
  });

  it('are found in the headers of a turn by their family', () => {
    const { windows, meters } = quotaFromHeaders(
      {
        'x-codex-primary-used-percent': '5',
        'x-codex-primary-window-minutes': '300',
        'x-codex-bengalfox-primary-used-percent': '100',
        'x-codex-bengalfox-primary-window-minutes': '10080',
        'x-other-secondary-used-percent': '7',
        'x-other-secondary-window-minutes': '60',
        'x-broken-primary-used-percent': '7, 8',
      },
      now,
    );
    expect(windows).toMatchObject([{ usedRatio: 0.05 }]);
    expect([...meters].map(([key, seen]) => [key, seen[0]?.usedRatio])).toEqual([
      ['codex_bengalfox', 1],
      ['other', 0.07],
    ]);
  });
});

describe("upstream's own statement about an account", () => {
  it.each([
    [{ allowed: true, limit_reached: false }, true],
    [{ allowed: true }, true],
    [{ allowed: false }, false],
    [{ allowed: true, limit_reached: true }, false],
    [{ limit_reached: true }, false],
    [{ limit_reached: false }, null],
    [{ allowed: 'yes' }, null],
    [{}, null],
    [null, null],
    ['x', null],
  ])('of %j is %s', (rateLimit, expected) => {
    expect(word(rateLimit)).toBe(expected);
  });
});

describe('the credits of an account', () => {
  it.each<[unknown, object | null]>([
    [
      { has_credits: true, unlimited: false, balance: '12.5' },
      { hasCredits: true, isUnlimited: false, balance: 12.5 },
    ],
    [
      { has_credits: true, unlimited: false, balance: 12.5 },
      { hasCredits: true, isUnlimited: false, balance: 12.5 },
    ],
    [
      { has_credits: false, unlimited: true, balance: null },
      { hasCredits: false, isUnlimited: true, balance: null },
    ],
    [
      { has_credits: true, balance: 'plenty' },
      { hasCredits: true, isUnlimited: false, balance: null },
    ],
    [
      { has_credits: 'true', balance: '3' },
      { hasCredits: true, isUnlimited: false, balance: 3 },
    ],
    [{ balance: 3 }, { hasCredits: false, isUnlimited: false, balance: 3 }],
    [{ has_credits: 'yes' }, null],
    ['12.5', null],
    [null, null],
    [[], null],
  ])('are read from %j', (value, expected) => {
    expect(credits(value)).toEqual(expected);
  });

  it('are read from headers', () => {
    const headers = {
      'x-codex-credits-has-credits': 'True',
      'x-codex-credits-unlimited': '0',
      'x-codex-credits-balance': '3',
    };
    expect(quotaFromHeaders(headers, now).credits).toEqual({
      hasCredits: true,
      isUnlimited: false,
      balance: 3,
    });
    expect(quotaFromHeaders({}, now).credits).toBeNull();
  });
});
