import { describe, expect, it } from 'vitest';
import { quotaFromMessage, withPoolQuota } from './quota-message.js';

const NOW = 1_700_000_000_000;
const RESET = 1_700_003_600;
const primary = {
  used_percent: 90,
  window_minutes: 300,
  reset_at: RESET,
  reset_after_seconds: 3_600,
  odd: 1,
};
const base = { type: 'codex.rate_limits', plan_type: 'plus', credits: { balance: null } };
const message = (rate_limits: unknown, more: object = {}): Buffer =>
  Buffer.from(JSON.stringify({ ...base, ...more, rate_limits }));
const pool = (durationSeconds: number, usedRatio: number, resetsAt: number | null = null) => ({
  durationSeconds,
  usedRatio,
  resetsAt,
});

describe('the quota windows of a message', () => {
  it('are the readable ones', () => {
    const bad = { used_percent: 'x', window_minutes: 10_080 };
    expect(quotaFromMessage(message({ primary, secondary: bad }), NOW).windows).toEqual([
      { durationSeconds: 18_000, usedRatio: 0.9, resetsAt: RESET * 1_000, seenAt: NOW },
    ]);
    const [window] = quotaFromMessage(message({ primary: { ...primary, reset_at: null } }), NOW).windows;
    expect(window).toMatchObject({ resetsAt: null });
  });

  it.each([
    message(null),
    message({ primary: null }),
    message({ primary }, { metered_limit_name: 'other' }),
    Buffer.from('{'),
  ])('are empty for %s', (it) => {
    expect(quotaFromMessage(it, NOW).windows).toEqual([]);
  });
});

describe('the pool’s numbers in a message', () => {
  it('replace the account’s numbers and nothing else', () => {
    const windows = [pool(18_000, 0.256, NOW), pool(604_800, 0.5)];
    const before = message({ allowed: true, primary, secondary: { ...primary, window_minutes: 10_080 } });
    expect(JSON.parse(withPoolQuota(before, windows).toString())).toEqual({
      ...base,
      rate_limits: {
        allowed: true,
        primary: { odd: 1, used_percent: 26, window_minutes: 300, reset_at: NOW / 1_000 },
        // The pool reports no reset here, and the account's would be a different one, so it is omitted.
        secondary: { odd: 1, used_percent: 50, window_minutes: 10_080 },
      },
    });
  });

  it('omit a window that the pool does not have', () => {
    const after = withPoolQuota(message({ primary, secondary: primary }), [pool(18_000, 0)]);
    expect(JSON.parse(after.toString()).rate_limits).toMatchObject({
      primary: { used_percent: 0 },
      secondary: null,
    });
  });

  it.each([
    ['of another limit', message({ primary }, { limit_name: 'other' })],
    ['without limits', message(null)],
    ['that is not JSON', Buffer.from('{')],
  ])('are not written into a message %s', (_what, it) => {
    expect(withPoolQuota(it, [pool(18_000, 0)])).toBe(it);
  });
});
