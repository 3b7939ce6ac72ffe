import { describe, expect, it } from 'vitest';
import { SeededRandom } from '../../../test/support/seeded-random.js';
import { codeOf, EventFinder } from './event-finder.js';
import { type SseEvent, SseReader } from './sse-reader.js';

const relevant = new Set(['response.completed', 'response.failed'].map(codeOf));
const wanted = new Set(['response.completed', 'image_edit.completed', 'response.failed', 'error']);
const wants = (type: string | null) => type === null || wanted.has(type);

/** The finder may report others, too. */
function isLookedFor({ type }: SseEvent): boolean {
  return type !== null && wanted.has(type);
}

/** Reads chunks with the finder, or with the reader of all events. */
function eventsIn(chunks: readonly Buffer[], isFinder: boolean): SseEvent[] {
  const events: SseEvent[] = [];
  const onEvent = (it: SseEvent) => void (isLookedFor(it) && events.push(it));
  const reader = isFinder ? new EventFinder(onEvent, wants, relevant) : new SseReader(onEvent, wants);
  for (const it of chunks) reader.push(it);
  return events;
}

function cutAt(text: string, size: () => number): Buffer[] {
  const bytes = Buffer.from(text);
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + Math.max(1, size());
    chunks.push(bytes.subarray(at, end));
    at = end;
  }
  return chunks;
}

const delta = (text: string) =>
  `event: response.output_text.delta\ndata: ${JSON.stringify({ type: 'response.output_text.delta', delta: text })}\n\n`;
const pieces = [
  delta(' token'),
  delta('"type":"response.completed"'),
  delta('an error'),
  delta('x'.repeat(300)),
  delta('y'.repeat(20_000)),
  ': c\n'.repeat(2_000),
  'id: 1\ndata: {"type":"response.output_text.done",\ndata: "response":{}}\n\n',
  'data: {"type":"response.re"}\n\n',
  'data\n\n',
  'data: {}\n\n',
  'data: {"type":"response.completed","response":{"id":"r","usage":{"input_tokens":1}}}\n\n',
  'event: response.completed\ndata: {"response":{},"type":"response.completed"}\n\n',
  'data: {"n":1,"type":"error","message":"m"}\n\n',
  'event: error\ndata: {"message":"m"}\n\n',
  'event:image_edit.completed\ndata: {"b64":"' + 'A'.repeat(700) + '"}\n\n',
  'data: {"type":"response.failed",\ndata: "response":{}}\n\n',
  ': keep-alive\n\n',
  'data: [DONE]\n\n',
  '\n',
  '\n\n\n',
  'event: response.completed\n\n',
  'data: {"type":"response.failed"}',
];
const oddPieces = [
  'data: {"type":"error"}\r\n\r\n',
  'data: 1\r\r',
  '\r',
  '\r\n',
  '\uFEFF',
  'data: {"type":"response.completed"}\n\r\n',
];

describe('the finder of events', () => {
  const stream = [delta('a'), delta('b'), ...pieces].join('');

  it.each([1, 2, 3, 31, 32, 33, 64, 1_000, 100_000])(
    'finds what the reader finds, in pieces of %i bytes',
    (cut) => {
      const chunks = cutAt(stream, () => cut);
      expect(eventsIn(chunks, true)).toEqual(eventsIn(chunks, false));
      expect(eventsIn(chunks, true)).not.toEqual([]);
    },
  );

  it('finds what the reader finds in any stream, split anywhere', () => {
    const seed = Number(process.env['TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
    const random = new SeededRandom(seed);
    const upTo = (most: number) => Math.floor(random.between(0, most));
    const pieceOf = (kinds: readonly string[]) => kinds[upTo(kinds.length)] ?? '';
    const sizes = [1, 3, 40, 200, 3_000, 70_000];
    for (let round = 0; round < 300; round += 1) {
      const kinds = round % 3 === 0 ? [...pieces, ...oddPieces] : pieces;
      const text = Array.from({ length: 1 + random.next() * 12 }, () => pieceOf(kinds)).join('');
      const most = sizes[upTo(sizes.length)] ?? 1;
      const chunks = cutAt(text, () => Math.ceil(random.next() * most));
      expect(eventsIn(chunks, true), `TEST_SEED=${seed}, round ${round}`).toEqual(eventsIn(chunks, false));
    }
  });

  const begun = 'data: {"type":"response.output_text.delta",';
  it.each([
    ['in its second line', `${begun}\n`, 'data: {"type":"error"}\r\n\r\n', []],
    ['within a line', begun, 'data: {"type":"error"}\r\n\r\n', []],
    ['before the end of a line', begun, '\r\ndata: {"type":"error"}\r\n\r\n', []],
    ['at its end', `${begun}\n`, '\ndata: {"type":"error"}\r\n\r\n', ['error']],
  ])('reads on when a CR appears in a skipped event, %s', (_where, first, second, types) => {
    const chunks = [delta('a'), first, second].map((it) => Buffer.from(it));
    expect(eventsIn(chunks, false).map((it) => it.type)).toEqual(types);
    expect(eventsIn(chunks, true).map((it) => it.type)).toEqual(types);
  });

  it('always reads the first event', () => {
    const types: (string | null)[] = [];
    const finder = new EventFinder(
      ({ type }) => types.push(type),
      () => true,
      relevant,
    );
    finder.push(Buffer.from('\uFEFFdata: {"type":"response.created"}\n\n' + delta('a') + delta('b')));
    expect(types).toEqual(['response.created']);
  });

  it('keeps little of an event that does not end', () => {
    const events: SseEvent[] = [];
    const finder = new EventFinder((it) => events.push(it), wants, relevant);
    finder.push(Buffer.from(`${delta('a')}: `));
    for (let i = 0; i < 1_000; i += 1) finder.push(Buffer.alloc(10_000, 'x'));
    expect(JSON.stringify(finder).length).toBeLessThan(200_000);
    finder.push(Buffer.from('\n\ndata: {"type":"error"}\n\n'));
    expect(events.map((it) => it.type).at(-1)).toBe('error');
  });
});
