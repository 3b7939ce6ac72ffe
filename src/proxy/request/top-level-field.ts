const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
/** Longer values are not read. */
const VALUE_BYTES = 1_024;

/**
 * The value of a field of a JSON object, if it is a string, a number or a literal. Undefined if the object has no such
 * field, or one with another value, or if the bytes are not an object. Reads the structure of the JSON without building
 * it, and only if the bytes contain the name at all, so that a message of megabytes costs little.
 */
export function topLevelField(json: Buffer, name: string): unknown {
  const quoted = Buffer.from(JSON.stringify(name));
  if (json.indexOf(quoted) === -1) return undefined;
  let at = afterSpace(json, 0);
  if (json[at] !== OPEN_BRACE) return undefined;
  let depth = 1;
  for (at += 1; at < json.length; at += 1) {
    const byte = json[at];
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth += 1;
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth -= 1;
    else if (byte === QUOTE) {
      const end = endOfString(json, at);
      if (end === null) return undefined;
      if (depth === 1 && json.subarray(at, end).equals(quoted)) {
        const colon = afterSpace(json, end);
        if (json[colon] === COLON) return valueAt(json, afterSpace(json, colon + 1));
      }
      at = end - 1;
    }
    if (depth === 0) return undefined;
  }
  return undefined;
}

function valueAt(json: Buffer, at: number): unknown {
  const end = json[at] === QUOTE ? endOfString(json, at) : endOfLiteral(json, at);
  if (end === null || end - at > VALUE_BYTES) return undefined;
  try {
    return JSON.parse(json.toString('utf8', at, end));
  } catch {
    return undefined;
  }
}

/** The position after the string that begins at `at`; null if it does not end. */
function endOfString(json: Buffer, at: number): number | null {
  for (let end = json.indexOf(QUOTE, at + 1); end !== -1; end = json.indexOf(QUOTE, end + 1)) {
    let before = end - 1;
    while (json[before] === BACKSLASH) before -= 1;
    if ((end - before) % 2 === 1) return end + 1;
  }
  return null;
}

/** The position after a number or a literal. */
function endOfLiteral(json: Buffer, at: number): number {
  let end = at;
  while (end < json.length && /[-+.\w]/.test(String.fromCharCode(json[end] ?? 0))) end += 1;
  return end;
}

function afterSpace(json: Buffer, from: number): number {
  let at = from;
  while (json[at] === 0x20 || json[at] === 0x09 || json[at] === 0x0a || json[at] === 0x0d) at += 1;
  return at;
}
