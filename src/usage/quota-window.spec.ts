import { describe, expect, it } from 'vitest';
import { leftRatio, quotaFromUsage, windowsFromHeaders } from './quota-window.js';

const now = 1_800_000_000_000;
const epoch = now / 1_000;

describe('quota windows from the headers of a turn', () => {
  it('are known by their duration, whatever their slot', () => {
    const headers = {
      'x-codex-primary-used-percent': '12.5',
      'x-codex-primary-window-minutes': '10080',
      'x-codex-primary-reset-at': String(epoch + 60),
    };
    expect(windowsFromHeaders(headers, now)).toEqual([
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
    expect(windowsFromHeaders(headers, now)).toEqual([]);
  });

  it('take zero as a value', () => {
    const headers = { 'x-codex-primary-used-percent': '0', 'x-codex-primary-window-minutes': '300' };
    expect(windowsFromHeaders(headers, now)).toMatchObject([{ usedRatio: 0, resetsAt: null }]);
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

describe('the remaining share of a window', () => {
  it.each([
    [0.25, now + 1, 0.75],
    [1.2, now + 1, 0],
    [1, now, 1],
    [1, null, 0],
  ])('used %f, reset at %s: %f', (usedRatio, resetsAt, left) => {
    expect(leftRatio({ durationSeconds: 60, usedRatio, resetsAt, seenAt: now }, now)).toBe(left);
  });
});
