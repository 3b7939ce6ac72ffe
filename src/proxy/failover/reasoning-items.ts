import { createHash } from 'node:crypto';
import { limits } from '../../config/limits.js';
import { type JsonVisitor, scanJson } from '../request/json-scanner.js';
import { Pace } from '../request/pace.js';

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

type FieldOfItem = 'type' | 'encrypted_content';
type Range = readonly [at: number, end: number];

const INPUT = '"input"';
const REASONING = '"reasoning"';
const itemFields: ReadonlyMap<string, FieldOfItem> = new Map([
  ['"type"', 'type'],
  ['"encrypted_content"', 'encrypted_content'],
]);

/** An item of the input while it is read. */
class OpenItem {
  private readonly values = new Map<FieldOfItem, Range | null>();
  private field: FieldOfItem | null = null;
  private isDoubtful = false;

  constructor(
    readonly at: number,
    readonly endBefore: number | null,
  ) {}

  key(field: FieldOfItem | null, isEscaped: boolean): void {
    if (isEscaped || (field !== null && this.values.has(field))) this.isDoubtful = true;
    this.field = field;
    if (field !== null) this.values.set(field, null);
  }

  value(range: Range): void {
    if (this.field !== null) this.values.set(this.field, range);
  }

  /** The encrypted content with its quotes; null unless the item certainly is reasoning that has one. */
  contentOfReasoning(body: Buffer): Range | null {
    const type = this.values.get('type');
    const content = this.values.get('encrypted_content');
    if (this.isDoubtful || type == null || content == null || !isText(body, type, REASONING)) return null;
    return body[content[0]] === 0x22 ? content : null;
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

  key(depth: number, at: number, end: number): void {
    if (depth !== 1 && !(depth === 3 && this.isInInput)) return;
    const name = shortText(this.body, at, end);
    const isEscaped = name.includes('\\');
    if (depth === 3) return this.current?.key(itemFields.get(name) ?? null, isEscaped);
    this.isInputNext = name === INPUT;
    if (this.isInputNext) this.inputs += 1;
    if (isEscaped) this.isDoubtful = true;
  }

  scalar(depth: number, at: number, end: number): void {
    if (depth === 3 && this.isInInput) this.current?.value([at, end]);
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
    this.current = new OpenItem(at, this.lastEnd);
    this.items += 1;
  }

  private finish(end: number): void {
    const content = this.current?.contentOfReasoning(this.body) ?? null;
    if (this.current !== null && content !== null && this.found.length <= limits.reasoningItemsPerBody)
      this.found.push({ item: this.current, end, content, nextAt: null });
    this.current = null;
    this.lastEnd = end;
  }
}

/** Bytes between two looks at the clock. */
const HASH_BYTES = 1_024 * 1_024;
const SHORT_BYTES = 100;

/** The bytes of a name; of a longer one the first, which match no name that matters. */
function shortText(body: Buffer, at: number, end: number): string {
  return body.toString('latin1', at, Math.min(end, at + SHORT_BYTES));
}

function isText(body: Buffer, [at, end]: Range, text: string): boolean {
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
