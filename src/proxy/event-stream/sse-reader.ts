import { limits } from '../../config/limits.js';

const LF = 10;
const CR = 13;
const BOM = [0xef, 0xbb, 0xbf];
const NO_BYTES = Buffer.alloc(0);
/** Nearly every type ends within these bytes: `data: {"type":"…"`. */
const TYPE_BYTES = 96;
const typeFirst = /^data:\s*\{\s*"type"\s*:\s*"([^"\\]*)"/;

/** One server-sent event: its type, and its data if the reader was asked to keep it. */
export interface SseEvent {
  /** The `type` inside the data, else the `event:` field; null if neither is present. */
  readonly type: string | null;
  /** Null if the data was not wanted or exceeds the bound. */
  readonly data: string | null;
}

/**
 * Reads server-sent events from chunks split anywhere; lines end with LF, CR or CRLF (WHATWG HTML, section 9.2.5).
 * Keeps the start of a line until the type is known, and the data of wanted events only, so its memory is bounded
 * for any input.
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
  /** Bytes of the byte order mark read so far; its full length once the stream is past it. */
  private bomBytes = 0;
  /** The previous line ended with CR, so an LF now belongs to the same line end. */
  private isAfterCr = false;
  private isStopped = false;

  constructor(
    private readonly onEvent: (event: SseEvent) => void,
    /** Whether the data of this event type is wanted; null if the type is not recognizable from its start. */
    private readonly wants: (type: string | null) => boolean,
    private readonly maxDataBytes: number = limits.finalEventBytes,
  ) {}

  /** Reads no further event, not even of the chunk at hand. */
  stop(): void {
    this.isStopped = true;
  }

  push(chunk: Buffer): void {
    let start = this.bomBytes === BOM.length ? 0 : this.skipBom(chunk);
    let lf = start;
    let cr = start;
    while (start < chunk.length && !this.isStopped) {
      if (this.isAfterCr && chunk[start] === LF) start += 1;
      this.isAfterCr = false;
      // Each is searched again only after its position was passed: a chunk without one is searched once.
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

  /** The event whose end has not come yet, as far as its last line is known; null if the type is not known. */
  get unfinished(): SseEvent | null {
    if (!this.isTypeKnown) return null;
    const line = Buffer.concat(this.line).toString('utf8');
    return { type: this.type, data: [...(this.data ?? []), line.replace(/^data: ?/, '')].join('\n') };
  }

  /** Skips a byte order mark at the start of the stream (WHATWG HTML, section 9.2.6). */
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

  /** Decides for a line longer than a head: keeps it only if it is wanted data. */
  private judgeLongLine(): void {
    if (this.lineBytes > this.maxDataBytes) {
      this.dropLine();
      return;
    }
    if (this.isTypeKnown) return; // already judged as wanted
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
    // Most lines are data of unwanted events: they are never decoded to text.
    if (!this.isTypeKnown) this.learnTypeOf(bytes);
    if (!startsWith(bytes, 'data:')) return;
    this.isEmpty = false;
    if (this.data === null || !this.wants(this.type)) return;
    this.dataBytes += bytes.length;
    if (this.dataBytes > this.maxDataBytes) this.data = null;
    else this.data.push(bytes.toString('utf8', 5).replace(/^ /, ''));
  }

  /** Checks the start of a line first: decoding every line costs more than everything else. */
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
    // Only a leading `type` belongs to the event; a later one may belong to a nested object.
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
    return null; // `[DONE]`, an empty line, or an unknown field
  }
}
