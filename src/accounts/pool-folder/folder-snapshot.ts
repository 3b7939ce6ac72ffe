import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { limits } from '../../config/limits.js';
import { errorCode } from '../../runtime/pool-error.js';

/** The folders to watch: the pool folder itself and those its symlinks point into. */
export interface WatchedPlaces {
  /** Identity by path. It changes when another folder takes the place of this one. */
  readonly folders: ReadonlyMap<string, string>;
  /** Returns whether a change of this path concerns the pool. */
  readonly isWanted: (path: string) => boolean;
  /** Equal for equal places. */
  readonly key: string;
}

/** The state of the pool folder, taken without opening a file. */
export type FolderSnapshot =
  | {
      readonly kind: 'seen';
      readonly fingerprint: string;
      readonly places: WatchedPlaces;
    }
  /** The folder does not exist (`ENOENT`) or cannot be read. */
  | { readonly kind: 'unseen'; readonly code: string };

/** Returns a string that differs whenever something has changed. */
export function fingerprintOf(snapshot: FolderSnapshot): string {
  return snapshot.kind === 'seen' ? snapshot.fingerprint : snapshot.code;
}

export function isCredentialFile(name: string): boolean {
  return name.endsWith('.json') && !name.startsWith('.');
}

/** Takes a snapshot of the pool folder. A link counts as changed if its target has changed. */
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

/** Returns the identity of a folder (device and inode); empty if none. */
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
    return { fingerprint: '', target: null }; // the file has just been removed
  }
}

/** Returns the target of a link, even if nothing exists there. */
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
