import { limits } from '../../config/limits.js';

const RESPONSE_KEY = '"previous_response_id"';
/** The longest distance from the key to the end of its value. */
const AFTER_KEY_CHARS = limits.pinnedIdChars + 20;
const responseValue = /^\s*:\s*"([^"\\]+)"/;
const FILE = 'file';

/**
 * Yields the values of `previous_response_id` in the plain bytes of a JSON body without parsing it. A key inside a
 * string has escaped quotes, so it does not match.
 */
export function* previousResponseIds(plain: Buffer): Generator<string> {
  let at = plain.indexOf(RESPONSE_KEY);
  while (at !== -1) {
    at += RESPONSE_KEY.length;
    const id = responseValue.exec(plain.toString('latin1', at, at + AFTER_KEY_CHARS))?.[1];
    if (id !== undefined && id.length <= limits.pinnedIdChars) yield id;
    at = plain.indexOf(RESPONSE_KEY, at);
  }
}

/** Yields the words of a body that look like file ids (docs/protocol.md, files): each once, in order, bounded. */
export function* fileIds(plain: Buffer): Generator<string> {
  const seen = new Set<string>();
  let at = plain.indexOf(FILE);
  while (at !== -1 && seen.size < limits.fileWordsPerBody) {
    let end = at + FILE.length;
    if (plain[end] === DASH || plain[end] === UNDERSCORE) {
      while (isIdByte(plain[end])) end += 1;
      const word = end - at <= limits.pinnedIdChars ? plain.toString('latin1', at, end) : FILE;
      if (word.length > FILE.length + 1 && !seen.has(word)) {
        seen.add(word);
        yield word;
      }
    }
    at = plain.indexOf(FILE, end);
  }
}

const DASH = 0x2d;
const UNDERSCORE = 0x5f;

function isIdByte(byte: number | undefined): boolean {
  if (byte === undefined) return false;
  const isDigit = byte >= 0x30 && byte <= 0x39;
  const isLetter = (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;
  return isDigit || isLetter || byte === DASH || byte === UNDERSCORE;
}
