import { type SseEvent, SseReader } from './sse-reader.js';

const LF = 10;
const CR = 13;
const LETTER_D = 0x64;
const NO_BYTES = Buffer.alloc(0);
/** Nearly every event has its type at this place. */
const PREFIX = Buffer.from('data: {"type":"response.');
/** The prefix and two more characters, by which an event is judged. */
const JUDGED_BYTES = PREFIX.length + 2;
/** The lines before the data of an event are short. */
const HEAD_BYTES = 4 * 1_024;
const WORD_BYTES = 4;
/** Longer lines before the data are not compared with those of the event before. */
const LIKELY_BYTES = 128;
/** Stands for the part of a skipped event that the reader has not seen; the rest of its line is a comment. */
const SKIPPED = Buffer.from('data: {"type":"response.skipped"}\n:');
const SKIPPED_LINES = SKIPPED.subarray(0, -1);

/**
 * Finds the few events of a stream that matter, and reads only those, and the first event. A response has hundreds of
 * others, and reading each of them costs more than all other work on them: they are known by a few bytes of their type,
 * and skipped. Reports every event that `SseReader` would report, except those that it skips.
 *
 * A stream with a CR is read completely: the backend ends its lines with LF.
 */
export class EventFinder {
  private readonly reader: SseReader;
  /** How the event at hand is treated; `unknown` until its data begins. */
  private event: 'read' | 'skipped' | 'unknown' = 'read';
  /** The bytes of an event before it is known what becomes of it. */
  private head: Buffer = NO_BYTES;
  private lastByte = LF;
  private hasCr = false;
  /** How the last skipped event began: the next one mostly begins alike. Its 32-bit words; the last two may overlap. */
  private likely: readonly number[] = [];
  private likelyBytes = 0;

  constructor(
    onEvent: (event: SseEvent) => void,
    /** Whether the data of this event type is wanted; null if the type is not recognizable from its start. */
    wants: (type: string | null) => boolean,
    /** The types `response.…` that matter, by the codes of the two characters after the dot (`codeOf`). */
    private readonly relevant: ReadonlySet<number>,
  ) {
    this.reader = new SseReader(onEvent, wants);
  }

  push(chunk: Buffer): void {
    if (!this.hasCr && chunk.includes(CR)) this.readAll();
    if (this.hasCr) return this.reader.push(chunk);
    if (this.head.length === 0) return this.take(chunk);
    const bytes = Buffer.concat([this.head, chunk]);
    this.head = NO_BYTES;
    this.take(bytes);
  }

  private take(chunk: Buffer): void {
    const words = new DataView(chunk.buffer, chunk.byteOffset, chunk.length);
    let at = 0;
    while (at < chunk.length) {
      if (this.event === 'unknown') at = this.judge(chunk, words, at);
      else {
        const end = this.endOfEvent(chunk, at);
        if (this.event === 'read') this.reader.push(chunk.subarray(at, end ?? chunk.length));
        if (end !== null) this.event = 'unknown';
        at = end ?? chunk.length;
      }
    }
    this.lastByte = chunk[chunk.length - 1] ?? this.lastByte;
  }

  /** The position after the blank line that ends the event; null if it is not in the chunk. */
  private endOfEvent(chunk: Buffer, from: number): number | null {
    if (from === 0 && this.lastByte === LF && chunk[0] === LF) return 1;
    for (let at = chunk.indexOf(LF, from); at !== -1; at = chunk.indexOf(LF, at + 1))
      if (chunk[at + 1] === LF) return at + 2;
    return null;
  }

  /** Decides about the event that begins at `begin`. Returns the position from which to go on. */
  private judge(chunk: Buffer, words: DataView, begin: number): number {
    if (this.beginsLikely(words, begin)) {
      this.event = 'skipped';
      return begin + this.likelyBytes;
    }
    let line = begin;
    while (line < chunk.length) {
      if (chunk[line] === LF) return line + 1; // an event without data
      const lf =
        chunk[line] === LETTER_D && line + JUDGED_BYTES <= chunk.length ? line : chunk.indexOf(LF, line);
      if (lf === -1) break;
      if (chunk[line] === LETTER_D) {
        this.event = this.isSkipped(chunk, line) ? 'skipped' : 'read';
        if (this.event === 'read') return begin;
        if (line - begin <= LIKELY_BYTES) this.learnLikely(words, begin, line + JUDGED_BYTES);
        return line + JUDGED_BYTES;
      }
      line = lf + 1;
    }
    this.head = chunk.subarray(begin);
    if (this.head.length > HEAD_BYTES) this.readHead();
    return chunk.length;
  }

  private beginsLikely(words: DataView, begin: number): boolean {
    const { likely, likelyBytes } = this;
    if (likelyBytes === 0 || begin + likelyBytes > words.byteLength) return false;
    // The end first: there, one event differs from the next.
    for (let i = likely.length - 1; i >= 0; i -= 1)
      if (words.getUint32(begin + placeOf(i, likelyBytes)) !== likely[i]) return false;
    return true;
  }

  private learnLikely(words: DataView, begin: number, end: number): void {
    this.likelyBytes = end - begin;
    const count = Math.ceil(this.likelyBytes / WORD_BYTES);
    this.likely = Array.from({ length: count }, (_, i) =>
      words.getUint32(begin + placeOf(i, this.likelyBytes)),
    );
  }

  private isSkipped(chunk: Buffer, line: number): boolean {
    if (line + JUDGED_BYTES > chunk.length) return false;
    for (let i = 0; i < PREFIX.length; i += 1) if (chunk[line + i] !== PREFIX[i]) return false;
    const at = line + PREFIX.length;
    return !this.relevant.has(code(chunk[at] ?? 0, chunk[at + 1] ?? 0));
  }

  private readHead(): void {
    this.reader.push(this.head);
    this.head = NO_BYTES;
    this.event = 'read';
  }

  private readAll(): void {
    this.hasCr = true;
    if (this.event === 'skipped') this.reader.push(this.lastByte === LF ? SKIPPED_LINES : SKIPPED);
    this.readHead();
  }
}

/** The code of an event type `response.…`, by which relevant types are told to the finder. */
export function codeOf(type: string): number {
  const at = 'response.'.length;
  return code(type.charCodeAt(at), type.charCodeAt(at + 1));
}

/** The place of a word in the first `bytes` of an event. */
function placeOf(index: number, bytes: number): number {
  return Math.min(index * WORD_BYTES, bytes - WORD_BYTES);
}

function code(first: number, second: number): number {
  return first * 256 + second;
}
