import { isCanonicalPath } from './safe-path.js';

const PREFIX = '/admin/accounts/';
/** Longest name of a file, in bytes, on the file systems in use, less the ending of a credential file. */
const MOST_BYTES = 250;

/**
 * Returns how an operator's path names an account: `none` unless it is below `/admin/accounts/` and canonical apart from
 * the name; else whether the name, percent-encoded in any way, can be that of an account. Such a path is never forwarded,
 * so no other program can read the name in another way.
 */
export function accountInPath(path: string): 'none' | 'name' | 'bad-name' {
  if (!path.startsWith(PREFIX)) return 'none';
  const [segment = '', ...rest] = path.slice(PREFIX.length).split('/');
  const others = [`${PREFIX}x`, ...rest].join('/');
  if (segment === '' || segment === '.' || segment === '..' || !isCanonicalPath(others)) return 'none';
  const name = decoded(segment);
  return name !== null && isAddressableName(name) ? 'name' : 'bad-name';
}

/**
 * Returns whether a name can be both that of a file and a segment of a path, when percent-encoded: no separator, no
 * control character, no leading dot, and nothing that was not UTF-8.
 */
export function isAddressableName(name: string): boolean {
  const isShort = name !== '' && Buffer.byteLength(name) <= MOST_BYTES;
  return isShort && !/^\.|[/\\\p{Cc}\p{Cs}\ufffd]/u.test(name);
}

/** Returns the name; null if it is malformed, or has a character that has to be encoded. */
function decoded(segment: string): string | null {
  if (/[^\x21-\x7e]|[#;?\\]/.test(segment)) return null;
  try {
    return decodeURIComponent(segment);
  } catch {
    return null;
  }
}
