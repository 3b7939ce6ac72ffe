import { createHash } from 'node:crypto';
import { limits } from '../../config/limits.js';
import { type JsonVisitor, scanJson } from './json-scanner.js';
import { Pace } from './pace.js';

/** A reasoning item with encrypted content in the input of a request. Positions are byte offsets. */
export interface ReasoningItem {
  readonly at: number;
  readonly end: number;
  /** The end of the item before it in the input; null if it is the first. */
  readonly endBefore: number | null;
  /** The start of the item after it in the input; null if it is the last. */
  nextAt: number | null;
  /** Hash of the encrypted content, as it is written. */
  readonly hash: string;
}

/** The reasoning items in the input of a request, and the number of all items. */
export interface RequestInput {
  readonly reasoning: readonly ReasoningItem[];
  readonly items: number;
}

/**
 * Finds the reasoning items in the top-level `input` of a request, in one pass that lets other work run. Null if the
 * bytes are not a JSON object with an array of this name, or name it in a way that leaves a doubt. An item is left out
 * if its `type` is escaped or named twice: only what certainly is reasoning counts.
 */
export async function inputOf(body: Buffer): Promise<RequestInput | null> {
  const search = new InputSearch(body);
  const isJson = await scanJson(body, search);
  return isJson ? await search.result() : null;
}

type Range = readonly [at: number, end: number];

const INPUT = '"input"';
const TYPE = '"type"';
const CONTENT = '"encrypted_content"';
const REASONING = '"reasoning"';
const QUOTE = 0x22;

/** An item of the input while it is read. A value that is no string, number or literal counts as absent. */
class OpenItem {
  private types = 0;
  private contents = 0;
  private field: 'type' | 'content' | null = null;
  private isReasoning = false;
  private isEscaped = false;
  private content: Range | null = null;

  constructor(
    private readonly body: Buffer,
    readonly at: number,
    readonly endBefore: number | null,
  ) {}

  key(at: number, end: number, isEscaped: boolean): void {
    if (isEscaped) this.isEscaped = true;
    this.field = null;
    if (isText(this.body, at, end, TYPE)) {
      this.field = 'type';
      this.types += 1;
    } else if (isText(this.body, at, end, CONTENT)) {
      this.field = 'content';
      this.contents += 1;
    }
  }

  value(at: number, end: number): void {
    if (this.field === 'type') this.isReasoning = isText(this.body, at, end, REASONING);
    else if (this.field === 'content' && this.body[at] === QUOTE) this.content = [at, end];
  }

  /** The encrypted content with its quotes; null unless the item certainly is reasoning that has one. */
  contentOfReasoning(): Range | null {
    const isCertain = !this.isEscaped && this.types === 1 && this.contents === 1;
    return isCertain && this.isReasoning ? this.content : null;
  }
}

/** Collects the items of `input` while the body is read. */
class InputSearch implements JsonVisitor {
  private readonly found: { item: OpenItem; end: number; content: Range; nextAt: number | null }[] = [];
  private items = 0;
  private inputs = 0;
  private isInputNext = false;
  private isInInput = false;
  private isDoubtful = false;
  private current: OpenItem | null = null;
  private lastEnd: number | null = null;

  constructor(private readonly body: Buffer) {}

  open(depth: number, at: number, isArray: boolean): void {
    if (depth === 1 && this.isInputNext) {
      this.isInInput = isArray;
      this.isInputNext = false;
    } else if (depth === 2 && this.isInInput) this.begin(at);
  }

  close(depth: number, end: number): void {
    if (depth === 2 && this.isInInput) this.finish(end);
    else if (depth === 1) this.isInInput = false;
  }

  key(depth: number, at: number, end: number, isEscaped: boolean): void {
    if (depth === 3 && this.isInInput) this.current?.key(at, end, isEscaped);
    if (depth !== 1) return;
    this.isInputNext = isText(this.body, at, end, INPUT);
    if (this.isInputNext) this.inputs += 1;
    if (isEscaped) this.isDoubtful = true;
  }

  scalar(depth: number, at: number, end: number): void {
    if (depth === 3 && this.isInInput) this.current?.value(at, end);
    else if (depth === 2 && this.isInInput) {
      this.begin(at);
      this.finish(end);
    }
  }

  async result(): Promise<RequestInput | null> {
    if (this.isDoubtful || this.inputs !== 1 || this.found.length > limits.reasoningItemsPerBody) return null;
    const pace = new Pace();
    const reasoning: ReasoningItem[] = [];
    for (const { item, end, content, nextAt } of this.found) {
      const hash = await hashOf(this.body, content, pace);
      reasoning.push({ at: item.at, end, endBefore: item.endBefore, nextAt, hash });
    }
    return { reasoning, items: this.items };
  }

  private begin(at: number): void {
    const last = this.found.at(-1);
    if (last?.end === this.lastEnd && last !== undefined) last.nextAt = at;
    this.current = new OpenItem(this.body, at, this.lastEnd);
    this.items += 1;
  }

  private finish(end: number): void {
    const content = this.current?.contentOfReasoning() ?? null;
    if (this.current !== null && content !== null && this.found.length <= limits.reasoningItemsPerBody)
      this.found.push({ item: this.current, end, content, nextAt: null });
    this.current = null;
    this.lastEnd = end;
  }
}

/** Bytes between two looks at the clock. */
const HASH_BYTES = 1_024 * 1_024;

function isText(body: Buffer, at: number, end: number, text: string): boolean {
  return end - at === text.length && body.toString('latin1', at, end) === text;
}

async function hashOf(body: Buffer, [from, end]: Range, pace: Pace): Promise<string> {
  const hash = createHash('sha256');
  for (let at = from; at < end; at += HASH_BYTES) {
    hash.update(body.subarray(at, Math.min(at + HASH_BYTES, end)));
    if (pace.isDue) await pace.letOthersRun();
  }
  return hash.digest('base64url').slice(0, 22);
}
