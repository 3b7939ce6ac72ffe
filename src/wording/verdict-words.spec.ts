import { expect, it } from 'vitest';
import { verdictSentence, withFreshWait } from './verdict-words.js';

const now = new Date(2026, 10, 27, 13, 42).getTime();
const facts = {
  kind: 'waits',
  next: null,
  backAt: now + 38 * 60_000,
  accounts: 2,
  ready: 0,
  cause: 'home and spare at their limit (5 h)',
} as const;

it('the wait in an older sentence goes on', () => {
  const sentence = verdictSentence(facts, now);
  expect(sentence).toBe('Nothing until 14:20 (in 38 min): home and spare at their limit (5 h)');
  const later = withFreshWait({ sentence, backAt: facts.backAt }, now + 30 * 60_000);
  expect(later).toBe('Nothing until 14:20 (in 8 min): home and spare at their limit (5 h)');
});

it('a sentence without a wait stays as it is', () => {
  const sentence = 'The way to chatgpt.com is blocked: (in a country)';
  expect(withFreshWait({ sentence, backAt: null }, now)).toBe(sentence);
});
