import { describe, expect, it } from 'vitest';
import { looksLikeEventStream } from './event-stream-start.js';

const BOM = '\uFEFF';

describe('the start of a body', () => {
  it.each([
    ['a named event', 'event: response.created\ndata: {}\n\n'],
    ['data', 'data: {"type":"response.created"}\n\n'],
    ['data without a space', 'data:{}\n\n'],
    ['an id', 'id: 1\n'],
    ['a retry', 'retry: 10\n'],
    ['a comment', ': hello\n\n'],
    ['blank lines first', '\n\n\ndata: {}'],
    ['blank lines with carriage returns first', '\r\n\r\ndata: {}'],
    ['lone carriage returns first', '\r\rdata: {}'],
    ['a byte order mark', `${BOM}event: x`],
    ['a byte order mark, then blank lines, then a comment', `${BOM}\r\n\n:`],
  ])('is that of an event stream: %s', (_case, text) => {
    expect(looksLikeEventStream(Buffer.from(text))).toBe(true);
  });

  it.each([
    ['a JSON object', '{"id":"resp_1"}'],
    ['JSON after blank lines', '\n\n{"data": 1}'],
    ['a JSON string that names a field', '"data: x"'],
    ['a page', '<!doctype html><p>data: x'],
    ['words', 'upstream error: data'],
    ['a longer word', 'database: x'],
    ['a shorter word', 'dat: x'],
    ['a field with a space before it', ' data: x'],
    ['a field in capitals', 'DATA: x'],
    ['half a byte order mark', Buffer.from([0xef, 0xbb, 0x64])],
    ['a byte order mark twice', `${BOM}${BOM}data: x`],
    ['compressed bytes', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
    ['zeros', Buffer.alloc(8)],
  ])('is not that of an event stream: %s', (_case, content) => {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    expect(looksLikeEventStream(bytes)).toBe(false);
  });

  it.each(['', '\n', '\r\n\r\n', 'd', 'event', 'retry', BOM, `${BOM}\n`, `${BOM}dat`])(
    'is undecided as long as more can decide it: %j',
    (text) => {
      expect(looksLikeEventStream(Buffer.from(text))).toBeNull();
    },
  );

  it('stays undecided byte by byte until the decision is final', () => {
    const bytes = Buffer.from(`${BOM}\r\n\nevent: x\n`);
    const verdicts = Array.from(bytes, (_byte, index) => looksLikeEventStream(bytes.subarray(0, index + 1)));
    const decidedAt = verdicts.indexOf(true);
    expect(decidedAt).toBe(bytes.indexOf(':'));
    expect(verdicts.slice(0, decidedAt)).toEqual(Array(decidedAt).fill(null));
    expect(verdicts.slice(decidedAt).every((it) => it === true)).toBe(true);
  });
});
