import { limits } from '../../config/limits.js';
import { isRecord } from '../../runtime/is-record.js';
import { usageFrom } from '../../usage/response-usage.js';
import type { TokenCount } from '../../usage/sums/token-columns.js';
import { concatChunks } from '../request/concat-chunks.js';

/** A `usage` object; its values are numbers, or objects of numbers. */
const USAGE = /"usage"\s*:\s*(\{(?:[^{}]|\{[^{}]*\})*\})/g;
/** The id of a response, which has always come first so far. Bodies of other kinds have no such start. */
const ID = /^\s*\{\s*"id"\s*:\s*"([^"\\]+)"\s*,\s*"object"\s*:\s*"response/;

/**
 * Reads the token counts of a turn that is answered by one JSON object instead of a stream, and its response id. Keeps
 * the beginning and the end of the body, each of at least `limits.jsonTapBytes`. A body that is kept whole is parsed. In
 * a longer one `usage` is searched in the end, then in the beginning; quotes in model output are escaped, so it cannot
 * be mistaken for one.
 */
export class JsonTap {
  private readonly head: Buffer[] = [];
  private readonly tail: Buffer[] = [];
  private headBytes = 0;
  private tailBytes = 0;
  private isWhole = true;
  private isNamed = false;

  /** `onResponseId`: called once with the response id. */
  constructor(private readonly onResponseId: (id: string) => void) {}

  push(chunk: Buffer): void {
    if (this.headBytes < limits.jsonTapBytes) {
      this.head.push(chunk);
      this.headBytes += chunk.length;
      this.findId();
      return;
    }
    this.tail.push(chunk);
    this.tailBytes += chunk.length;
    for (;;) {
      const [oldest] = this.tail;
      if (oldest === undefined || this.tailBytes - oldest.length < limits.jsonTapBytes) return;
      this.tail.shift();
      this.tailBytes -= oldest.length;
      this.isWhole = false;
    }
  }

  /** Token counts of the body so far; null if it has none. */
  get counted(): TokenCount | null {
    if (this.isWhole) return usageInWhole(concatChunks([...this.head, ...this.tail]).toString('utf8'));
    return usageInPart(concatChunks(this.tail)) ?? usageInPart(concatChunks(this.head));
  }

  private findId(): void {
    if (this.isNamed) return;
    const id = ID.exec(concatChunks(this.head).toString('utf8', 0, limits.eventHeadBytes))?.[1];
    this.isNamed = id !== undefined || this.headBytes >= limits.eventHeadBytes;
    if (id !== undefined && id.length <= limits.pinnedIdChars) this.onResponseId(id);
  }
}

function usageInWhole(text: string): TokenCount | null {
  const json = parsed(text);
  if (!isRecord(json)) return null;
  return (
    usageFrom(json['usage']) ?? (isRecord(json['response']) ? usageFrom(json['response']['usage']) : null)
  );
}

function usageInPart(bytes: Buffer): TokenCount | null {
  const all = [...bytes.toString('utf8').matchAll(USAGE)];
  return usageFrom(parsed(all.at(-1)?.[1] ?? ''));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
