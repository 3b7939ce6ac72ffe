/** Longest name of a file, in bytes, on the file systems in use, less the ending of a credential file. */
const MOST_BYTES = 250;

/**
 * Returns whether a name can be both that of a file and a segment of a path, when percent-encoded: no separator, no
 * control character, no leading dot, and nothing that was not UTF-8.
 */
export function isAddressableName(name: string): boolean {
  const isShort = name !== '' && Buffer.byteLength(name) <= MOST_BYTES;
  return isShort && !/^\.|[/\\\p{Cc}\p{Cs}\ufffd]/u.test(name);
}
