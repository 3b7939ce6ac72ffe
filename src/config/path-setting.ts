import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** A path of a setting, or a sentence about its fault. */
export type PathSetting =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'fault'; readonly fault: string };

/**
 * Reads a path as a shell would: `~` and `~/x` are in the user's home, other paths relative to the working directory.
 * A setting from `.env` or a service's file has passed through no shell.
 */
export function readPath(text: string): PathSetting {
  // oxlint-disable-next-line no-control-regex
  if (/[\0-\x1f\x7f]/.test(text)) return fault('expected a path without control characters');
  if (text.trim() !== text) return fault('expected a path that neither begins nor ends with a space');
  if (!text.startsWith('~')) return { kind: 'path', path: resolve(text) };
  const rest = /^~(?:[/\\](.*))?$/.exec(text);
  if (rest === null)
    return fault("~ stands for your own home only: write another user's folder as an absolute path");
  return { kind: 'path', path: resolve(join(homedir(), rest[1] ?? '')) };
}

function fault(sentence: string): PathSetting {
  return { kind: 'fault', fault: sentence };
}
