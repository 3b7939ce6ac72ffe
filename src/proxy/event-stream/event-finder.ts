import { type SseEvent, SseReader } from './sse-reader.js';

const BLANK_LINE = Buffer.from('\n\n');
const NO_BYTES = Buffer.alloc(0);
/** Words are at most this long. */
const WORD_BYTES = 32;
/** An unfinished event without a word that grows beyond this is read, because the reader keeps less of it. */
const TAIL_BYTES = 16 * 1_024;

/**
 * Finds the few events of a stream that contain one of some words, and reads only those, and the first event. The rest
 * is searched as bytes: a response has hundreds of events, and reading the type of each costs more than all other work
 * on them. Of events with a word it reports what `SseReader` would report, unless the word is written with escapes.
 *
 * A blank line of two LF, as the backend sends it, is known as the end of an event. Other line ends, or a chunk that
 * ends between the two, only cause more to be read.
 */
export class EventFinder {
  private readonly reader: SseReader;
  /** The bytes since the last blank line, all searched; empty while `isReading`. */
  private tail: Buffer[] = [];
  private tailBytes = 0;
  /** The last bytes of the tail, in which a word may begin. */
  private tailEnd: Buffer = NO_BYTES;
  /** Within an event that is read. */
  private isReading = true;

  constructor(
    onEvent: (event: SseEvent) => void,
    /** Whether the data of this event type is wanted; null if the type is not recognizable from its start. */
    wants: (type: string | null) => boolean,
    /** The words looked for at the moment. They have no line end, and at most `WORD_BYTES` bytes. */
    private readonly words: () => readonly Buffer[],
  ) {
    this.reader = new SseReader(onEvent, wants);
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) at = this.isReading ? this.readEvent(chunk, at, at) : this.skim(chunk, at);
  }

  /** Reads up to the end of the event; it does not end before `searched`. Returns the position after it. */
  private readEvent(chunk: Buffer, from: number, searched: number): number {
    const blank = chunk.indexOf(BLANK_LINE, searched);
    const end = blank === -1 ? chunk.length : blank + BLANK_LINE.length;
    this.isReading = blank === -1;
    this.reader.push(chunk.subarray(from, end));
    return end;
  }

  /** Searches the rest of a chunk. Returns the position from which to go on. */
  private skim(chunk: Buffer, from: number): number {
    const words = this.words();
    if (this.tailBytes > 0 && this.isAcross(chunk, words)) return this.readFrom(chunk, from, from);
    const found = firstOf(words, chunk, from);
    const blank = chunk.lastIndexOf(BLANK_LINE, found ?? chunk.length);
    const begin = blank < from ? from : blank + BLANK_LINE.length;
    if (begin > from) this.dropTail();
    if (found !== null) return this.readFrom(chunk, begin, found);
    if (begin < chunk.length) this.keep(chunk.subarray(begin));
    return chunk.length;
  }

  /** Whether a word begins in the tail and ends in the chunk. */
  private isAcross(chunk: Buffer, words: readonly Buffer[]): boolean {
    const seam = Buffer.concat([this.tailEnd, chunk.subarray(0, WORD_BYTES - 1)]);
    return words.some((it) => seam.includes(it));
  }

  private keep(part: Buffer): void {
    this.tail.push(part);
    this.tailBytes += part.length;
    const end = part.length < WORD_BYTES ? Buffer.concat([this.tailEnd, part]) : part;
    this.tailEnd = end.subarray(-(WORD_BYTES - 1));
    if (this.tailBytes > TAIL_BYTES) this.readTail();
  }

  /** Reads the event that begins in the tail, or at `begin`; its end is searched from `searched`. */
  private readFrom(chunk: Buffer, begin: number, searched: number): number {
    this.readTail();
    return this.readEvent(chunk, begin, searched);
  }

  private readTail(): void {
    for (const it of this.tail) this.reader.push(it);
    this.dropTail();
    this.isReading = true;
  }

  private dropTail(): void {
    if (this.tailBytes === 0) return;
    this.tail = [];
    this.tailBytes = 0;
    this.tailEnd = NO_BYTES;
  }
}

/** The position of the first word; null if the chunk has none. */
function firstOf(words: readonly Buffer[], chunk: Buffer, from: number): number | null {
  let first: number | null = null;
  for (const it of words) {
    const at: number = (first === null ? chunk : chunk.subarray(0, first)).indexOf(it, from);
    if (at !== -1) first = at;
  }
  return first;
}
