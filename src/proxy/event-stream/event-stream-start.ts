const LF = 10;
const CR = 13;
const COLON = 58;
const BOM = [0xef, 0xbb, 0xbf];
const fieldNames = ['event', 'data', 'id', 'retry'].map((it) => Buffer.from(it));
const longestName = Math.max(...fieldNames.map((it) => it.length));

/**
 * Whether a body starts like an event stream: an optional byte order mark, blank lines, then a field with its
 * colon, or a comment (WHATWG HTML, section 9.2.5). Null if more bytes are needed to decide.
 */
export function looksLikeEventStream(bytes: Buffer): boolean | null {
  let at = 0;
  for (const expected of BOM) {
    if (at === bytes.length) return null;
    if (bytes[at] !== expected) break;
    at += 1;
  }
  if (at > 0 && at < BOM.length) return false;
  while (bytes[at] === LF || bytes[at] === CR) at += 1;
  if (at === bytes.length) return null;
  if (bytes[at] === COLON) return true;
  return startsWithField(bytes.subarray(at, at + longestName + 1));
}

function startsWithField(start: Buffer): boolean | null {
  const colon = start.indexOf(COLON);
  if (colon !== -1) return fieldNames.some((it) => it.equals(start.subarray(0, colon)));
  const canBecomeOne = fieldNames.some((it) => it.subarray(0, start.length).equals(start));
  return canBecomeOne ? null : false;
}
