import { CommandError } from '../command/command-error.js';

const BOM = '\uFEFF';

/** The text of a `config.toml` without its byte order mark. */
export interface ConfigText {
  readonly text: string;
  readonly hasBom: boolean;
}

/** The text of a file that does not exist yet. */
export const emptyConfig: ConfigText = { text: '', hasBom: false };

/**
 * Decodes a `config.toml`, so that `encodeConfig` gives the same bytes.
 * @throws CommandError that says where the bytes are not UTF-8
 */
export function decodeConfig(path: string, bytes: Uint8Array): ConfigText {
  if ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)) {
    throw new CommandError(
      `${path} is UTF-16, which Codex cannot read: save it as UTF-8. Nothing was changed.`,
    );
  }
  let decoded: string;
  try {
    decoded = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new CommandError(
      `${path} is not UTF-8 (line ${lineOfFirstFault(bytes)}), so Codex cannot read it: save it as UTF-8. Nothing was changed.`,
    );
  }
  return decoded.startsWith(BOM)
    ? { text: decoded.slice(1), hasBom: true }
    : { text: decoded, hasBom: false };
}

/** Encodes as UTF-8, with the byte order mark that the file had. */
export function encodeConfig({ text, hasBom }: ConfigText): Buffer {
  return Buffer.from(hasBom ? BOM + text : text);
}

/** Returns the line break that the text uses first; a line feed if it has none. */
export function lineBreakOf(text: string): '\n' | '\r\n' {
  return /^[^\n]*\r\n/.test(text) ? '\r\n' : '\n';
}

function lineOfFirstFault(bytes: Uint8Array): number {
  const replaced = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  // The replacement character may be in the file itself: the first line that fails by itself is the faulty one.
  const lines = replaced.split('\n').length;
  let start = 0;
  for (let line = 1; line <= lines; line += 1) {
    const next = bytes.indexOf(0x0a, start);
    try {
      decoder.decode(bytes.subarray(start, next === -1 ? bytes.length : next));
    } catch {
      return line;
    }
    start = next + 1;
  }
  return lines;
}
