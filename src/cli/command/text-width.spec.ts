import fastStringWidth from 'fast-string-width';
import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../test/support/seeded-random.js';
import { cut, fitted, flowed, inOneLine, widthOf, wrapped } from './text-width.js';

describe('text in columns', () => {
  it('loses what would steer the terminal, and is cut with an ellipsis', () => {
    expect(inOneLine('a\u001B[31m\nb\u202Ec\u2028')).toBe('a[31mbc');
    expect(cut('abcdef', 4)).toBe('abc…');
    expect(cut('abcd', 4)).toBe('abcd');
    expect(cut('abcd', 0)).toBe('');
    expect(cut('仕事のアカウント', 7)).toBe('仕事の…');
  });

  it('is padded by columns, not by characters', () => {
    expect(fitted('仕事', 6)).toBe('仕事  ');
    expect(widthOf('仕事')).toBe(4);
    expect(fastStringWidth(fitted('仕事の', 4))).toBe(4);
  });

  it('breaks between words, with an indent, and inside a word only if it must', () => {
    expect(wrapped('one two three', 7, 2)).toEqual(['one two', '  three']);
    expect(wrapped('abcdefgh', 3)).toEqual(['abc', 'def', 'gh']);
    expect(wrapped('', 10)).toEqual(['']);
    expect(flowed(['a b', 'c d', 'e'], 8, { gap: 2, indent: 1 })).toEqual(['a b  c d', ' e']);
  });

  it('never exceeds its columns, and loses no character', () => {
    const seed = Date.now() % 1_000_000;
    const random = new SeededRandom(seed);
    const below = (end: number) => Math.floor(random.between(0, end));
    const letters = ['a', 'b', ' ', '仕', '😀', 'é', '-', '▓'];
    for (let round = 0; round < 500; round += 1) {
      const text = Array.from({ length: below(60) }, () => letters[below(8)]).join('');
      const columns = 4 + below(40);
      const lines = wrapped(text, columns, below(3));
      const facts = { seed, round, text, columns, lines };
      const tooWide = lines.filter((it) => fastStringWidth(it) > columns);
      expect({ ...facts, tooWide }).toEqual({ ...facts, tooWide: [] });
      const kept = lines.join('').replaceAll(' ', '');
      expect({ ...facts, kept }).toEqual({ ...facts, kept: text.replaceAll(' ', '') });
    }
  });
});
