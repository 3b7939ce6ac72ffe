import { limits } from '../../config/limits.js';

const LF = 10;
const CR = 13;
const BOM = [0xef, 0xbb, 0xbf];
const NO_BYTES = Buffer.alloc(0);
/** Within these nearly every type ends: `data: {"type":"…"`. */
const TYPE_BYTES = 96;
const typeFirst = /^data:\s*\{\s*"type"\s*:\s*"([^"\\]*)"/;

/** One server-sent event: its type, and its data where the reader was asked to keep it. */
export interface SseEvent {
  /** The `type` inside the data, else the name of the `event:` line; null when neither tells. */
  readonly type: string | null;
  /** Null when it was not wanted, or larger than the bound. */
  readonly data: string | null;
}

/**
 * Reads server-sent events out of passing bytes, in any cut; a line ends with LF, CR or both (WHATWG HTML,
 * section 9.2.5). It keeps the start of a line until it knows the type, and the data only of events that are
 * wanted; so what it holds is bounded whatever comes.
 */
export class SseReader {
  private line: Buffer[] = [];
  private lineBytes = 0;
  private isLineKept = true;
  private eventName: string | null = null;
  private type: string | null = null;
  private isTypeKnown = false;
  private data: string[] | null = [];
  private dataBytes = 0;
  private isEmpty = true;
  /** How much of a byte order mark has been read; its length once the stream is past it. */
  private bomBytes = 0;
  /** The line before ended with a CR: an LF now is the second half of its end. */
  private isAfterCr = false;

  constructor(
    private readonly onEvent: (event: SseEvent) => void,
    /** Whether the data of events of this type is wanted; null: the type could not be told from its start. */
    private readonly wants: (type: string | null) => boolean,
    private readonly maxDataBytes: number = limits.finalEventBytes,
  ) {}

  push(chunk: Buffer): void {
    let start = this.bomBytes === BOM.length ? 0 : this.skipBom(chunk);
    let lf = start;
    let cr = start;
    while (start < chunk.length) {
      if (this.isAfterCr && chunk[start] === LF) start += 1;
      this.isAfterCr = false;
      // Each is looked for again only once it is passed: a chunk without one is searched for it once.
      if (lf <= start) lf = indexOrEnd(chunk, LF, start);
      if (cr <= start) cr = indexOrEnd(chunk, CR, start);
      const end = Math.min(lf, cr);
      this.take(chunk.subarray(start, end));
      if (end === chunk.length) return;
      this.endLine();
      this.isAfterCr = end === cr;
      start = end + 1;
    }
  }

  /** A byte order mark at the start of a stream is ignored (WHATWG HTML, section 9.2.6). */
  private skipBom(chunk: Buffer): number {
    let at = 0;
    while (this.bomBytes < BOM.length && at < chunk.length) {
      if (chunk[at] !== BOM[this.bomBytes]) {
        this.bomBytes = BOM.length;
        return at;
      }
      this.bomBytes += 1;
      at += 1;
    }
    return at;
  }

  private take(part: Buffer): void {
    if (part.length === 0) return;
    if (this.isLineKept) this.line.push(part);
    this.lineBytes += part.length;
    if (this.isLineKept && this.lineBytes > limits.eventHeadBytes) this.judgeLongLine();
  }

  /** A line is longer than a head: keep it only when it is data that somebody wants. */
  private judgeLongLine(): void {
    if (this.lineBytes > this.maxDataBytes) {
      this.dropLine();
      return;
    }
    if (this.isTypeKnown) return; // judged before, and wanted
    const head = this.line.length === 1 ? this.line[0] : Buffer.concat(this.line);
    const text = (head ?? NO_BYTES).toString('latin1', 0, limits.eventHeadBytes);
    if (!text.startsWith('data:')) {
      this.dropLine();
      return;
    }
    this.learnType(text);
    if (!this.wants(this.type)) this.dropLine();
  }

  private dropLine(): void {
    this.line = [];
    this.isLineKept = false;
    this.data = null;
  }

  private endLine(): void {
    if (this.lineBytes === 0) this.endEvent();
    else if (this.isLineKept) this.readLine();
    else this.isEmpty = false;
    this.line = [];
    this.lineBytes = 0;
    this.isLineKept = true;
  }

  private readLine(): void {
    const bytes = this.line.length === 1 ? (this.line[0] ?? NO_BYTES) : Buffer.concat(this.line);
    // Most lines are data of events that nobody wants: their text is never made.
    if (!this.isTypeKnown) this.learnTypeOf(bytes);
    if (!startsWith(bytes, 'data:')) return;
    this.isEmpty = false;
    if (this.data === null || !this.wants(this.type)) return;
    this.dataBytes += bytes.length;
    if (this.dataBytes > this.maxDataBytes) this.data = null;
    else this.data.push(bytes.toString('utf8', 5).replace(/^ /, ''));
  }

  /** Looks at the start of a line first: making more text of every line costs more than all the rest. */
  private learnTypeOf(line: Buffer): void {
    const start = line.toString('latin1', 0, TYPE_BYTES);
    const isWhole = line.length <= TYPE_BYTES || typeFirst.test(start);
    this.learnType(isWhole ? start : line.toString('latin1', 0, limits.eventHeadBytes));
  }

  private learnType(line: string): void {
    if (line.startsWith('event:')) {
      this.eventName = line.slice(6).trim();
      return;
    }
    if (!line.startsWith('data:')) return;
    this.isTypeKnown = true;
    // Only a `type` that comes first is the event's own; further in it may belong to what is inside.
    this.type = typeFirst.exec(line)?.[1] ?? this.eventName;
  }

  private endEvent(): void {
    if (!this.isEmpty) {
      const data = this.data === null || this.data.length === 0 ? null : this.data.join('\n');
      this.onEvent({ type: this.type ?? (data === null ? null : typeInside(data)), data });
    }
    this.eventName = null;
    this.type = null;
    this.isTypeKnown = false;
    this.data = [];
    this.dataBytes = 0;
    this.isEmpty = true;
  }
}

function indexOrEnd(bytes: Buffer, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at === -1 ? bytes.length : at;
}

function startsWith(bytes: Buffer, text: string): boolean {
  for (let i = 0; i < text.length; i += 1) if (bytes[i] !== text.charCodeAt(i)) return false;
  return true;
}

function typeInside(data: string): string | null {
  try {
    const json: unknown = JSON.parse(data);
    return typeof json === 'object' && json !== null && 'type' in json && typeof json.type === 'string'
      ? json.type
      : null;
  } catch {
    return null; // `[DONE]`, an empty line, something new
  }
}
