import { isAddressableName } from '../runtime/addressable-name.js';
import { isCanonicalPath } from './safe-path.js';

const PREFIX = '/admin/accounts/';

/**
 * What an operator's path says of an account: `none` unless it is below `/admin/accounts/` and canonical apart from the
 * name; else whether the name, percent-encoded in any way, can be that of an account. Such a path is never forwarded,
 * so nobody else reads the name in another way.
 */
export function accountInPath(path: string): 'none' | 'name' | 'bad-name' {
  if (!path.startsWith(PREFIX)) return 'none';
  const [segment = '', ...rest] = path.slice(PREFIX.length).split('/');
  const others = [`${PREFIX}x`, ...rest].join('/');
  if (segment === '' || segment === '.' || segment === '..' || !isCanonicalPath(others)) return 'none';
  const name = decoded(segment);
  return name !== null && isAddressableName(name) ? 'name' : 'bad-name';
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
