import { describe, expect, it } from 'vitest';
import { limits } from '../../config/limits.js';
import { type SseEvent, SseReader } from './sse-reader.js';

function read(text: string, cut: number, wants: (type: string | null) => boolean = () => true): SseEvent[] {
  const events: SseEvent[] = [];
  const reader = new SseReader((it) => events.push(it), wants);
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += cut) reader.push(bytes.subarray(at, at + cut));
  return events;
}

const delta = { type: 'response.output_text.delta', delta: 'häl' };
const final = { type: 'response.completed', response: { id: 'r', text: 'x'.repeat(5_000) } };
const stream = [
  ': a comment\n\n',
  `event: response.output_text.delta\ndata: ${JSON.stringify(delta)}\n\n`,
  `data: ${JSON.stringify(final)}\n\n`,
  'data: [DONE]\n\n',
].join('');

describe('the reader of server-sent events', () => {
  it.each([1, 2, 7, 64, 1_000, 100_000])('finds the same events in pieces of %i bytes', (cut) => {
    const events = read(stream, cut);
    expect(events.map((it) => it.type)).toEqual(['response.output_text.delta', 'response.completed', null]);
    expect(JSON.parse(events[0]?.data ?? '')).toEqual(delta);
    expect(JSON.parse(events[1]?.data ?? '')).toEqual(final);
  });

  it.each([1, 3, 100_000])('treats CRLF like LF, in pieces of %i bytes', (cut) => {
    expect(read(stream.replaceAll('\n', '\r\n'), cut)).toEqual(read(stream, cut));
  });

  it.each([1, 2, 3, 100_000])('treats a lone CR like LF, in pieces of %i bytes', (cut) => {
    expect(read(stream.replaceAll('\n', '\r'), cut)).toEqual(read(stream, cut));
  });

  it.each([1, 2, 100_000])('reads all three line ends in one stream, in pieces of %i bytes', (cut) => {
    const mixed = 'data: 1\r\n\rdata: 2\n\r\ndata: 3\r\rdata: 4\r\n\ndata: 5\n\n';
    expect(read(mixed, cut).map((it) => it.data)).toEqual(['1', '2', '3', '4', '5']);
  });

  it.each(['\n', '\r\n', '\r'])('keeps the lines of one event together when they end with %j', (lineEnd) => {
    const lines = ['event: named', 'data: {"a":', 'data: 1}', '', 'data: 2', '', ''];
    for (const cut of [1, 2, 3, 100_000])
      expect(read(lines.join(lineEnd), cut)).toEqual([
        { type: 'named', data: '{"a":\n1}' },
        { type: null, data: '2' },
      ]);
  });

  it.each([1, 2, 100_000])('skips one byte order mark at the start, in pieces of %i bytes', (cut) => {
    expect(read('\uFEFFdata: {"type":"a"}\n\n', cut).map((it) => it.type)).toEqual(['a']);
    expect(read('\uFEFF\uFEFFdata: {"type":"a"}\n\n', cut)).toEqual([]);
  });

  it('keeps no unwanted data', () => {
    const events = read(stream, 50, (type) => type === 'response.completed');
    expect(events.map((it) => it.data === null)).toEqual([true, false, true]);
  });

  it('takes the type of the event itself, not of a nested object', () => {
    const inside = 'data: {"item":{"type":"response.completed"},"type":"response.output_item.done"}\n\n';
    expect(read(inside, 10).map((it) => it.type)).toEqual(['response.output_item.done']);
  });

  it('uses the event field when the data does not begin with a type', () => {
    const named = 'event: response.completed\ndata: {"response":{},"type":"response.completed"}\n\n';
    expect(read(named, 10).map((it) => it.type)).toEqual(['response.completed']);
  });

  it('joins several data lines', () => {
    expect(read('data: {"type":"a",\ndata: "x":1}\n\n', 5)[0]?.data).toBe('{"type":"a",\n"x":1}');
  });

  it('holds no more than its bound of an endless event', () => {
    const events: SseEvent[] = [];
    const reader = new SseReader(
      (it) => events.push(it),
      () => true,
      10_000,
    );
    for (let i = 0; i < 100; i += 1)
      reader.push(Buffer.from(i === 0 ? 'data: {"type":"a","x":"' : 'x'.repeat(1_000)));
    reader.push(Buffer.from('"}\n\ndata: {"type":"b"}\n\n'));
    expect(events).toEqual([
      { type: 'a', data: null },
      { type: 'b', data: '{"type":"b"}' },
    ]);
    expect(limits.finalEventBytes).toBeGreaterThan(8 * 1_024 * 1_024);
  });
});
