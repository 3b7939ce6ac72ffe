import { describe, expect, it } from 'vitest';
import { logLine } from './log-line.js';

const at = new Date(2026, 10, 27, 9, 5, 7).getTime();
/** A stream that is no terminal. */
const plain = Object.assign(Object.create(process.stdout), { isTTY: false, getColorDepth: () => 1 });

const lineOf = (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
  logLine({ at, level: 'log', message, fields }, plain);

describe('a log line for people', () => {
  it('has time, level, sentence and fields, and no colour outside a terminal', () => {
    expect(
      logLine({ at, level: 'warn', message: 'account out', fields: { account: 'home', n: 2 } }, plain),
    ).toBe('09:05:07 warn  account out account=home n=2\n');
    expect(lineOf('started')).toBe('09:05:07 info  started\n');
  });

  it.each([
    ['a space', 'two words', '"two words"'],
    ['a quote', 'a"b', String.raw`"a\"b"`],
    ['nothing', '', '""'],
    ['a line break', 'a\nb', String.raw`"a\nb"`],
    ['an escape sequence', '\u001B[2J', String.raw`"\u001b[2J"`],
    ['a right-to-left mark', 'a\u202Eb', String.raw`"a\u202eb"`],
    ['an object', { a: [1, null] }, '{"a":[1,null]}'],
    ['a number', 0, '0'],
  ])('quotes a field with %s', (_what, value, shown) => {
    expect(lineOf('it', { value })).toBe(`09:05:07 info  it value=${shown}\n`);
  });

  it('stays one line if the sentence has a line break, and leaves out fields without a value', () => {
    expect(lineOf('a\nb\u001B[31m', { none: undefined })).toBe(
      String.raw`09:05:07 info  a\u000ab\u001b[31m` + '\n',
    );
  });
});
