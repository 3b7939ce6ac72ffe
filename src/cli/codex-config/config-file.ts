import type { Stats } from 'node:fs';
import { lstat, open, readFile, readlink, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncFolder } from '../../runtime/files/atomic-file.js';
import { deleteLeftovers, temporaryPathFor } from '../../runtime/files/temporary-file.js';
import { describeError, errorCode } from '../../runtime/pool-error.js';
import { CommandError } from '../command/command-error.js';

const MAX_BYTES = 8 * 1_024 * 1_024;
const NEW_FILE_MODE = 0o600;
const OWNER_MAY_WRITE = 0o200;

/** A `config.toml` on the disk. */
export interface ConfigFile {
  /** The path asked for. */
  readonly path: string;
  /** The file itself, behind all links. */
  readonly realPath: string;
  /** Null if there is no file. */
  readonly bytes: Buffer | null;
  readonly hasFolder: boolean;
}

/**
 * Reads a file that may be absent.
 * @throws CommandError if it is no file that could be replaced by a new text
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  try {
    const realPath = await targetOf(path);
    if (realPath === null) return await absentFile(path);
    const facts = await stat(realPath);
    refuseUnusable(path, facts);
    return { path, realPath, bytes: await readFile(realPath), hasFolder: true };
  } catch (error) {
    throw asCommandError(path, error);
  }
}

/**
 * Refuses a file that this user should not or cannot replace.
 * @throws CommandError
 */
export async function refuseReadOnly({ path, realPath, bytes }: ConfigFile): Promise<void> {
  if (bytes === null) return;
  const { mode, uid, nlink } = await stat(realPath);
  const me = process.getuid?.() ?? uid;
  if (uid !== me && me !== 0) {
    throw refusal(`${path} belongs to another user (uid ${uid}): run the command as that user.`);
  }
  if ((mode & OWNER_MAY_WRITE) === 0) {
    throw refusal(
      `${path} is read-only. If a program manages it, add the keys there (\`--dry-run\` shows them); otherwise \`chmod u+w\` it.`,
    );
  }
  if (nlink > 1) {
    throw refusal(
      `${path} has several hard links, which a new text would separate: make it a file of its own.`,
    );
  }
}

/**
 * Replaces the file's text atomically, keeping mode and owner, or removes it (null).
 * @returns false if its bytes are no longer those that were read; nothing is changed then
 * @throws CommandError if nothing was written
 */
export async function writeConfigFile(file: ConfigFile, bytes: Buffer | null): Promise<boolean> {
  try {
    return await replaceIfSame(file, bytes);
  } catch (error) {
    throw asCommandError(file.path, error);
  }
}

async function replaceIfSame(file: ConfigFile, bytes: Buffer | null): Promise<boolean> {
  const { realPath } = file;
  const folder = dirname(realPath);
  await deleteLeftovers(folder, (base) => base === basename(realPath));
  const temporary = bytes === null ? null : await writeTemporary(realPath, bytes);
  try {
    if (!(await isSame(file))) return false;
    if (temporary === null) await unlink(realPath);
    else await rename(temporary, realPath);
  } finally {
    if (temporary !== null) await unlink(temporary).catch(() => undefined); // renamed, if all went well
  }
  await syncFolder(folder);
  return true;
}

async function writeTemporary(realPath: string, bytes: Buffer): Promise<string> {
  const temporary = temporaryPathFor(realPath);
  const before = await stat(realPath).catch(() => null);
  const file = await open(temporary, 'wx', NEW_FILE_MODE);
  try {
    await file.writeFile(bytes);
    if (before !== null) {
      const mine = await file.stat();
      if (mine.uid !== before.uid || mine.gid !== before.gid) await file.chown(before.uid, before.gid);
      await file.chmod(before.mode & 0o7777);
    }
    await file.sync();
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
  return temporary;
}

async function isSame({ realPath, bytes }: ConfigFile): Promise<boolean> {
  try {
    const now = await readFile(realPath);
    return bytes !== null && now.equals(bytes);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return bytes === null;
    throw error;
  }
}

/** The file behind a path; null if there is none. */
async function targetOf(path: string): Promise<string | null> {
  let facts: Stats;
  try {
    facts = await lstat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
  try {
    return await realpath(path);
  } catch (error) {
    if (!facts.isSymbolicLink() || errorCode(error) !== 'ENOENT') throw error;
    throw refusal(
      `${path} is a link to ${await readlink(path)}, which does not exist: create that file, or remove the link.`,
    );
  }
}

async function absentFile(path: string): Promise<ConfigFile> {
  const folder = dirname(path);
  const real = await targetOf(folder);
  if (real !== null) return { path, realPath: join(real, basename(path)), bytes: null, hasFolder: true };
  const above = await targetOf(dirname(folder));
  if (above === null) {
    throw refusal(`${dirname(folder)} does not exist: check HOME and CODEX_HOME.`);
  }
  return { path, realPath: join(above, basename(folder), basename(path)), bytes: null, hasFolder: false };
}

function refuseUnusable(path: string, facts: Stats): void {
  if (facts.isDirectory()) throw refusal(`${path} is a folder, where Codex expects a file: move it away.`);
  if (!facts.isFile()) throw refusal(`${path} is not a regular file: move it away.`);
  if (facts.size > MAX_BYTES) {
    throw refusal(
      `${path} is larger than ${MAX_BYTES / 1_024 / 1_024} MiB, and is not edited: make it smaller.`,
    );
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'this user may not read it, or may not write in its folder: correct their owner or mode.',
  EPERM: 'this user may not replace it: correct its owner or mode.',
  EROFS: 'its file system is read-only.',
  ELOOP: 'its links lead in a circle: remove them.',
  ENOTDIR: 'a file is where its folder should be: move that file away, or correct CODEX_HOME.',
  ENOSPC: 'the disk is full: free some space.',
  EDQUOT: 'the quota of the disk is used up: free some space.',
  EBUSY: 'it is mounted by itself, as into a container: mount its folder instead.',
};

function asCommandError(path: string, error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  const reason = reasons[errorCode(error) ?? ''];
  return refusal(`${path} cannot be used: ${reason ?? `${describeError(error)}.`}`);
}

function refusal(sentences: string): CommandError {
  return new CommandError(`${sentences} Nothing was changed.`);
}
