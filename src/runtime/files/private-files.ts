import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../pool-error.js';

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
const OTHERS = 0o077;
/** Rights that only a person gives: others may write, or the folder has a special bit. */
const DELIBERATE = 0o7022;

/** Errors of a file of another user, or of a file system without modes or without write access. */
const unchangeable: ReadonlySet<string | null> = new Set(['EPERM', 'EACCES', 'EROFS', 'ENOTSUP', 'ENOENT']);

/** Creates a folder of the program's own, with those above it. Only its owner may enter, even if it existed before. */
export async function ensureOwnFolder(path: string): Promise<void> {
  await makeFolder(path);
  await tighten(path, FOLDER_MODE);
}

/** Tries without `recursive` first: with it, Node would report ENOENT on a read-only disk. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: FOLDER_MODE });
  } catch (error) {
    if (errorCode(error) === 'ENOENT') await mkdir(path, { recursive: true, mode: FOLDER_MODE });
    else if (errorCode(error) !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error;
  }
}

/** Makes an existing folder of the program's own, and the files in it, readable by their owner only. */
export async function tightenFolder(path: string): Promise<void> {
  await tighten(path, FOLDER_MODE);
  for (const file of await filesIn(path)) await tightenFile(join(path, file));
}

/** Makes a file readable by its owner only, if it exists and its mode can be changed. */
export async function tightenFile(path: string): Promise<void> {
  await tighten(path, FILE_MODE);
}

/**
 * Makes a folder that a setting names readable by its owner only, unless it seems to be shared on purpose: it belongs
 * to another user, others may write in it, or it holds entries that are not the program's own. Returns whether others
 * can still enter it.
 */
export async function tightenIfOurs(path: string, isOurs: (entry: string) => boolean): Promise<boolean> {
  if (process.platform === 'win32') return false;
  const { mode, uid } = await stat(path);
  if ((mode & OTHERS) === 0) return false;
  const isShared = uid !== process.getuid?.() || (mode & DELIBERATE) !== 0;
  if (isShared || !(await readdir(path)).every(isOurs)) return true;
  await tighten(path, FOLDER_MODE);
  return false;
}

async function tighten(path: string, mode: number): Promise<void> {
  if (process.platform === 'win32') return;
  try {
    if (((await stat(path)).mode & OTHERS) !== 0) await chmod(path, mode);
  } catch (error) {
    if (!unchangeable.has(errorCode(error))) throw error;
  }
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((it) => it.isFile()).map((it) => it.name);
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return [];
    throw error;
  }
}
