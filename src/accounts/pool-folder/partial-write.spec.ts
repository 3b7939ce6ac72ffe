import { describe, expect, it } from 'vitest';
import { mayBePartialWrite } from './partial-write.js';

const SECOND = 1_000;

describe('mayBePartialWrite', () => {
  it.each<[string, number, number | null, boolean]>([
    ['a file that was written to a moment ago', 0, 100, true],
    ['a file that is still being written', 9 * SECOND, 100, true],
    ['a file that was left alone', 0, 2 * SECOND, false],
    ['an old file that was moved here', 0, 3_600 * SECOND, false],
    ['a file that is written to forever', 10 * SECOND, 0, false],
    ['a file that is dated in the future', 9 * SECOND, -3_600 * SECOND, true],
    ['a file that has long been dated in the future', 10 * SECOND, -3_600 * SECOND, false],
    ['a link that has just become dangling', SECOND, null, true],
    ['a dangling link', 2 * SECOND, null, false],
  ])('%s', (_case, knownMs, unchangedMs, expected) => {
    expect(mayBePartialWrite(knownMs, unchangedMs)).toBe(expected);
  });
});
