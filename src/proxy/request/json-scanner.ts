import { Pace } from './pace.js';

/**
 * Receives the tokens of a JSON text in order. Positions are byte offsets; `end` is the one after the last byte.
 * `depth` counts the arrays and objects around the token.
 */
export interface JsonVisitor {
  /** An array or an object begins. */
  open(depth: number, at: number, isArray: boolean): void;
  /** It ends. */
  close(depth: number, end: number): void;
  /** The name of a field, with its quotes. `isEscaped`: it contains an escape. */
  key(depth: number, at: number, end: number, isEscaped: boolean): void;
  /** A string with its quotes, a number or a literal. */
  scalar(depth: number, at: number, end: number): void;
}

/** Bytes between two looks at the clock. */
const STEP_BYTES = 32 * 1_024;
/** Bytes of a string that are looked at one by one before a native search, which costs as much as these. */
const NEAR_BYTES = 64;
/** Deeper JSON is not read, nor are longer numbers. */
const [MAX_DEPTH, MAX_NUMBER_BYTES] = [10_000, 1_024];

/**
 * Reads a JSON text (RFC 8259) in one pass over its bytes. Copies and builds nothing, and lets other work run every few
 * milliseconds. Resolves with false, at the first fault, if the text is not JSON. Control characters in strings are no
 * fault: upstream judges them.
 */
export async function scanJson(json: Buffer, visitor: JsonVisitor): Promise<boolean> {
  const scan = new Scan(json, visitor);
  const pace = new Pace();
  for (let until = STEP_BYTES; until < json.length; until += STEP_BYTES) {
    if (!scan.to(until)) return false;
    if (pace.isDue) await pace.letOthersRun();
  }
  return scan.to(json.length) && scan.isWhole();
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
const LETTER_U = 0x75;
const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/;
/** The bytes that may follow a backslash. */
const escapes: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrtu'));
const literals: ReadonlySet<string> = new Set(['true', 'false', 'null']);

type Expected = 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'comma-or-end' | 'nothing';
type Token = 'none' | 'string' | 'word';

/** The state between two steps. */
class Scan {
  private at = 0;
  private expected: Expected = 'value';
  private token: Token = 'none';
  private tokenAt = 0;
  /** Rest of an escape in a string: -1 after its backslash, else the number of hex digits to come. */
  private escape = 0;
  private isEscaped = false;
  private hasFailed = false;
  /** The next quote and the next backslash, as far as they have been searched. */
  private quoteAt = -1;
  private backslashAt = -1;
  /** The open containers: true for an array. */
  private readonly containers: boolean[] = [];

  constructor(
    private readonly json: Buffer,
    private readonly visitor: JsonVisitor,
  ) {}

  /** Reads on, up to a position; false if the text is not JSON. */
  to(until: number): boolean {
    while (this.at < until && !this.hasFailed) {
      if (this.token === 'string') this.inString(until);
      else if (this.token === 'word') this.inWord(until);
      else this.between(this.json[this.at] ?? 0);
    }
    return !this.hasFailed;
  }

  /** Whether the text may end here. */
  isWhole(): boolean {
    if (this.token === 'word') this.endWord();
    return !this.hasFailed && this.token === 'none' && this.expected === 'nothing';
  }

  private between(byte: number): void {
    const { at, expected } = this;
    this.at += 1;
    if (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) return;
    const isValue = expected === 'value' || expected === 'value-or-end';
    if (byte === QUOTE && (isValue || expected === 'key' || expected === 'key-or-end')) {
      this.token = 'string';
      this.isEscaped = false;
      this.tokenAt = at;
    } else if (byte === COLON && expected === 'colon') this.expected = 'value';
    else if (byte === COMMA && expected === 'comma-or-end')
      this.expected = this.containers.at(-1) === true ? 'value' : 'key';
    else if (byte === OPEN_BRACE && isValue) this.open(at, false);
    else if (byte === OPEN_BRACKET && isValue) this.open(at, true);
    else if (byte === CLOSE_BRACE && (expected === 'key-or-end' || expected === 'comma-or-end'))
      this.close(false);
    else if (byte === CLOSE_BRACKET && (expected === 'value-or-end' || expected === 'comma-or-end'))
      this.close(true);
    else if (isValue && isWordByte(byte)) {
      this.token = 'word';
      this.tokenAt = at;
    } else this.hasFailed = true;
  }

  private open(at: number, isArray: boolean): void {
    this.visitor.open(this.containers.length, at, isArray);
    this.containers.push(isArray);
    this.expected = isArray ? 'value-or-end' : 'key-or-end';
    if (this.containers.length > MAX_DEPTH) this.hasFailed = true;
  }

  private close(isArray: boolean): void {
    if (this.containers.pop() !== isArray) this.hasFailed = true;
    else {
      this.afterValue();
      this.visitor.close(this.containers.length, this.at);
    }
  }

  private inString(until: number): void {
    while (this.at < until && !this.hasFailed) {
      if (this.escape !== 0) {
        this.inEscape(this.json[this.at] ?? 0);
        this.at += 1;
        continue;
      }
      this.at = this.specialIn(until);
      if (this.at === until) return;
      this.at += 1;
      if (this.json[this.at - 1] === QUOTE) return this.endString();
      this.escape = -1;
      this.isEscaped = true;
    }
  }

  /** The position of the next quote or backslash; `until` if there is none before. */
  private specialIn(until: number): number {
    const { json } = this;
    const near = Math.min(until, this.at + NEAR_BYTES);
    for (let at = this.at; at < near; at += 1) {
      const byte = json[at];
      if (byte === QUOTE || byte === BACKSLASH) return at;
    }
    if (this.quoteAt < near) this.quoteAt = indexOrEnd(json, QUOTE, near);
    if (this.backslashAt < near) this.backslashAt = indexOrEnd(json, BACKSLASH, near);
    return Math.min(this.quoteAt, this.backslashAt, until);
  }

  private inEscape(byte: number): void {
    if (this.escape === -1) {
      if (!escapes.has(byte)) this.hasFailed = true;
      this.escape = byte === LETTER_U ? 4 : 0;
    } else {
      if (!isHexDigit(byte)) this.hasFailed = true;
      this.escape -= 1;
    }
  }

  private endString(): void {
    this.escape = 0;
    this.token = 'none';
    const depth = this.containers.length;
    if (this.expected === 'key' || this.expected === 'key-or-end') {
      this.expected = 'colon';
      this.visitor.key(depth, this.tokenAt, this.at, this.isEscaped);
    } else {
      this.afterValue();
      this.visitor.scalar(depth, this.tokenAt, this.at);
    }
  }

  private inWord(until: number): void {
    while (this.at < until && isWordByte(this.json[this.at] ?? 0)) this.at += 1;
    if (this.at < until) this.endWord();
  }

  private endWord(): void {
    const { tokenAt, at } = this;
    this.token = 'none';
    const word = this.json.toString('latin1', tokenAt, Math.min(at, tokenAt + MAX_NUMBER_BYTES + 1));
    if (word.length > MAX_NUMBER_BYTES || !(number.test(word) || literals.has(word))) {
      this.hasFailed = true;
    } else {
      this.afterValue();
      this.visitor.scalar(this.containers.length, tokenAt, at);
    }
  }

  private afterValue(): void {
    this.expected = this.containers.length === 0 ? 'nothing' : 'comma-or-end';
  }
}

function indexOrEnd(bytes: Buffer, byte: number, from: number): number {
  const at = bytes.indexOf(byte, from);
  return at === -1 ? bytes.length : at;
}

/** Bytes of numbers and literals. */
function isWordByte(byte: number): boolean {
  const isDigit = byte >= 0x30 && byte <= 0x39;
  const isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
  return isDigit || isLetter || byte === 0x2d || byte === 0x2b || byte === 0x2e;
}

function isHexDigit(byte: number): boolean {
  return (byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66);
}
