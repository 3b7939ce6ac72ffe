import type { OutgoingHttpHeaders } from 'node:http';
import { describe, expect, it } from 'vitest';
import { setPoolQuota } from './quota-view.js';

const now = 1_800_000_000_000;
const fromUpstream = (): OutgoingHttpHeaders => ({
  'x-codex-primary-used-percent': '90',
  'x-codex-primary-window-minutes': '300',
  'x-codex-primary-reset-at': '1',
  'x-codex-secondary-used-percent': '80',
  'x-codex-plan-type': 'pro',
});
const fiveHours = { durationSeconds: 18_000, usedRatio: 0.126, resetsAt: now + 60_000 };
const month = { durationSeconds: 2_592_000, usedRatio: 0.5, resetsAt: null };
const week = { durationSeconds: 604_800, usedRatio: 0.25, resetsAt: now + 120_000 };

describe('the quota in a response', () => {
  it("is the pool's: the shortest window is primary, the longest secondary", () => {
    const headers = fromUpstream();
    setPoolQuota(headers, () => [fiveHours, week, month], now);
    expect(headers).toEqual({
      'x-codex-plan-type': 'pro',
      'x-codex-primary-used-percent': '13',
      'x-codex-primary-window-minutes': '300',
      'x-codex-primary-reset-at': String(now / 1_000 + 60),
      'x-codex-primary-reset-after-seconds': '60',
      'x-codex-secondary-used-percent': '50',
      'x-codex-secondary-window-minutes': '43200',
    });
  });

  it('has no secondary window when the pool has one window', () => {
    const headers = fromUpstream();
    setPoolQuota(headers, () => [week], now);
    expect(headers).not.toHaveProperty('x-codex-secondary-used-percent');
    expect(headers).toMatchObject({ 'x-codex-primary-window-minutes': '10080' });
  });

  it('stays unchanged when upstream sends none, or the pool is unknown', () => {
    const none: OutgoingHttpHeaders = { 'x-codex-plan-type': 'pro' };
    setPoolQuota(none, () => [week], now);
    expect(none).toEqual({ 'x-codex-plan-type': 'pro' });
    const headers = fromUpstream();
    setPoolQuota(headers, () => [], now);
    expect(headers).toEqual(fromUpstream());
  });
});
