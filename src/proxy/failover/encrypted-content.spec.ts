import { describe, expect, it } from 'vitest';
import { encryptedReasoning, withoutReasoning } from './encrypted-content.js';

const message =
  '{"type":"message","role":"user","content":[{"type":"input_text","text":"größer \\u00e9 }],\\" ✓"}]}';
const reasoning = (content: string) =>
  `{"id":"rs_1","type":"reasoning","encrypted_content":"${content}","summary":[]}`;
const compaction = '{"type":"compaction","encrypted_content":"x"}';
const body = (input: string) =>
  Buffer.from(`{ "model":"m", "n":1.0e+2,\n"input" : [${input}]\t,"x":[1, {"input":[]}] }`);
const stripped = (input: string, ...named: string[]) =>
  withoutReasoning(body(input), new Set(named))?.body.toString('utf8') ?? null;

describe('a request without cross-account reasoning', () => {
  it.each([
    ['at the start', `${reasoning('x')}, ${message},  ${compaction}`, `${message},  ${compaction}`],
    [
      'in the middle',
      `\n${message} ,\n${reasoning('x')} ,\t${compaction}\n`,
      `\n${message} ,\t${compaction}\n`,
    ],
    ['at the end', `${message}, ${reasoning('x')} `, `${message} `],
    [
      'twice',
      `${reasoning('x')},${message},${reasoning('x')},${reasoning('y')}`,
      `${message},${reasoning('y')}`,
    ],
  ])('keeps every other byte: %s', (_where, input, left) => {
    expect(stripped(input, 'x')).toBe(body(left).toString('utf8'));
  });

  it('is still JSON, whatever is removed', () => {
    for (let taken = 1; taken < 31; taken += 1) {
      const names = ['a', 'b', 'c', 'd', 'e'].filter((_, i) => (taken & (1 << i)) !== 0);
      const input = [message, ...['a', 'b', 'c', 'd', 'e'].map(reasoning), compaction].join(' , ');
      const json: unknown = JSON.parse(stripped(input, ...names) ?? '');
      expect(json).toMatchObject({ model: 'm', x: [1, { input: [] }] });
      expect(JSON.stringify(json).match(/"reasoning"/g) ?? []).toHaveLength(5 - names.length);
    }
  });

  it('keeps compaction items and other reasoning', () => {
    expect(stripped(`${compaction},${reasoning('y')},${message}`, 'x')).toBeNull();
  });

  it.each([
    ['the input would be empty', `${reasoning('x')},${reasoning('x')}`],
    ['the reasoning is not encrypted', `{"type":"reasoning","summary":[]},${message}`],
    ['it has no input', ''],
  ])('is null when %s', (_case, input) => {
    expect(stripped(input, 'x')).toBeNull();
  });

  it.each([
    '',
    'null',
    '[]',
    '{"input":"text"}',
    '{"input":[{]}',
    `{"input":[${reasoning('x')}`,
    '\u0000\u00ff',
  ])('is null when the body is %j', (text) => {
    expect(withoutReasoning(Buffer.from(text, 'latin1'), new Set(['x']))).toBeNull();
    expect(encryptedReasoning(Buffer.from(text, 'latin1'))).toEqual([]);
  });

  it('lists only the encrypted content of its reasoning', () => {
    expect(encryptedReasoning(body(`${reasoning('x')},${message},${compaction},${reasoning('y')}`))).toEqual([
      'x',
      'y',
    ]);
  });
});
