import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { limits } from '../../config/limits.js';
import { errorCode } from '../../runtime/pool-error.js';

/** The folders in which a change concerns the pool: its own, and those that its links lead to. */
export interface WatchedPlaces {
  /** By path; the identity tells a folder from another that takes its place. */
  readonly folders: ReadonlyMap<string, string>;
  /** Whether a change of this path concerns the pool. */
  readonly isWanted: (path: string) => boolean;
  /** The same text: the same places. */
  readonly key: string;
}

/** The pool folder from outside, with no file read. */
export type FolderSnapshot =
  | {
      readonly kind: 'seen';
      readonly fingerprint: string;
      readonly places: WatchedPlaces;
    }
  /** No folder is there (`ENOENT`), or it cannot be read. */
  | { readonly kind: 'unseen'; readonly code: string };

/** Another text: something has changed. */
export function fingerprintOf(snapshot: FolderSnapshot): string {
  return snapshot.kind === 'seen' ? snapshot.fingerprint : snapshot.code;
}

export function isCredentialFile(name: string): boolean {
  return name.endsWith('.json') && !name.startsWith('.');
}

/** Looks at the pool folder. A link counts as changed when what it leads to has. */
export async function takeSnapshot(poolDir: string): Promise<FolderSnapshot> {
  try {
    const root = await realpath(poolDir);
    const names = (await readdir(root)).filter(isCredentialFile).toSorted().slice(0, limits.poolFiles);
    const files = await Promise.all(names.map((it) => fileAt(join(root, it))));
    const targets = files.flatMap((it) => (it.target === null ? [] : [it.target]));
    const folders = new Map<string, string>();
    for (const path of new Set([root, ...targets.map((it) => dirname(it))])) {
      folders.set(path, await identityAt(path));
    }
    const wanted = new Set(targets);
    const key = JSON.stringify([[...folders], targets]);
    return {
      kind: 'seen',
      fingerprint: JSON.stringify([key, names, files.map((it) => it.fingerprint)]),
      places: {
        folders,
        key,
        isWanted: (path) => wanted.has(path) || (dirname(path) === root && isCredentialFile(basename(path))),
      },
    };
  } catch (error) {
    return { kind: 'unseen', code: errorCode(error) ?? 'unknown' };
  }
}

/** What makes a folder this one; empty when there is none. */
export async function identityAt(path: string): Promise<string> {
  try {
    const { dev, ino } = await stat(path);
    return `${dev}:${ino}`;
  } catch {
    return '';
  }
}

async function fileAt(
  path: string,
): Promise<{ readonly fingerprint: string; readonly target: string | null }> {
  try {
    const link = await lstat(path);
    const own = `${link.ino}:${link.size}:${link.mtimeMs}:${link.ctimeMs}`;
    if (!link.isSymbolicLink()) return { fingerprint: own, target: null };
    const target = await targetOf(path);
    return { fingerprint: `${own} ${target} ${await fingerprintAt(target)}`, target };
  } catch {
    return { fingerprint: '', target: null }; // it has just been removed
  }
}

/** Where a link leads to, also when nothing is there (yet). */
async function targetOf(link: string): Promise<string> {
  try {
    return await realpath(link);
  } catch {
    const path = resolve(dirname(link), await readlink(link));
    return join(await realpath(dirname(path)).catch(() => dirname(path)), basename(path));
  }
}

async function fingerprintAt(path: string): Promise<string> {
  try {
    const { ino, size, mtimeMs, ctimeMs } = await stat(path);
    return `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
  } catch {
    return '';
  }
}
