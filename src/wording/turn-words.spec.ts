import { expect, it } from 'vitest';
import { byteWords, lengthWords, pace, tokenWords, turnTime } from './turn-words.js';

it.each([
  [-5, '0 ms'],
  [40, '40 ms'],
  [940, '0.9 s'],
  [8_440, '8.4 s'],
  [9_960, '10 s'],
  [72_000, '72 s'],
  [185_000, '3 min 05 s'],
  [7_800_000, '2 h 10 min'],
])('%d ms are %s', (ms, words) => {
  expect(lengthWords(ms)).toBe(words);
});

it('a turn of today has its second, an older one its day', () => {
  const now = new Date(2026, 10, 27, 14, 30).getTime();
  expect(turnTime(new Date(2026, 10, 27, 14, 2, 9).getTime(), now)).toBe('14:02:09');
  expect(turnTime(new Date(2026, 10, 26, 14, 2, 9).getTime(), now)).toBe('Thu 14:02');
});

it('the pace of a turn is its first byte and its end, or its age while it runs', () => {
  expect(pace({ at: 0, endedAt: 8_400, firstByteMs: 1_200 }, 99_000)).toBe('1.2 s → 8.4 s');
  expect(pace({ at: 0, endedAt: null, firstByteMs: null }, 3_000)).toBe('→ 3.0 s');
  expect(pace({ at: 5_000, endedAt: 4_000, firstByteMs: null }, 0)).toBe('→ 0 ms');
});

it('tokens and bytes are short', () => {
  expect(tokenWords({ input: 41_200, cached: 0, output: 1_100, reasoning: 0 })).toBe('41 k in, 1.1 k out');
  expect(tokenWords(null)).toBe('–');
  expect([812, 12_345, 3_123_456].map(byteWords)).toEqual(['812 B', '12 kB', '3.1 MB']);
});
