import { expect, it } from 'vitest';
import type { UsageView } from '../../api/usage.js';
import { cachedSentence, quotaSentence, spanSentence, tokenSentence } from './sentences.js';

const sums = { input: 3_000_000, cached: 2_400_000, output: 200_000, reasoning: 0, turns: 1_214, resent: 0 };
const usage = (more: Partial<UsageView> = {}): UsageView => ({
  tz: 'UTC',
  from: 0,
  totals: sums,
  accounts: [],
  accountCount: 0,
  hours: [],
  next: null,
  firstByteMs: null,
  failovers: 0,
  ...more,
});
const none = { ...sums, input: 0, cached: 0, output: 0, turns: 0 };

it('tokens: how many, in how many turns, and the largest part', () => {
  const groups = [{ ...sums, input: 1_800_000, key: 'a', name: 'work' }];
  expect(tokenSentence(usage({ groups }), (it) => it.name ?? '')).toBe(
    '3.2 M tokens in 1,214 turns; most by work (63 %).',
  );
  expect(tokenSentence(usage({ totals: none }), () => '')).toBe('No tokens in this span.');
});

it('the cached share, and what moves have cost', () => {
  expect(cachedSentence(usage())).toBe('80 % of the input came from upstream’s cache.');
  expect(cachedSentence(usage({ totals: { ...sums, resent: 12_000 } }))).toContain(
    '; 12 k tokens were sent again',
  );
  expect(cachedSentence(usage({ totals: none }))).toBe('No input in this span.');
});

const sample = (durationSeconds: number, seenAt: number, usedRatio: number) => ({
  durationSeconds,
  seenAt,
  usedRatio,
  resetsAt: null,
});

it('quota: each window, with its resets', () => {
  const samples = [sample(604_800, 1, 0.22), sample(18_000, 2, 0.31), sample(18_000, 1, 0.9)];
  expect(quotaSentence(samples, [{ at: 2, durationSeconds: 18_000 }])).toBe(
    '5 h: 31 % used at the end, 1 reset. 7 d: 22 % used at the end, no reset.',
  );
  expect(quotaSentence([], [])).toBe('No quota was reported in this span.');
});

it('the span, first and last day included', () => {
  const [from, to] = [new Date(2026, 10, 21).getTime(), new Date(2026, 10, 28).getTime()];
  expect(spanSentence({ from, to }, 'hour')).toBe('21 Nov 2026 to 27 Nov 2026, by hour');
  expect(spanSentence({ from: to - 60_000, to }, 'hour')).toBe('27 Nov 2026, by hour');
});
