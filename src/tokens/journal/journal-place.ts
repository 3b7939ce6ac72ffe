import { createHash } from 'node:crypto';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { AppConfig } from '../../config/app.config.js';
import { limits } from '../../config/limits.js';
import { syncFolder } from '../../runtime/files/atomic-file.js';
import { errorCode } from '../../runtime/pool-error.js';
import { ensureOwnFolder } from '../../runtime/files/private-files.js';

const FOLDER = '.journal';
const OWNER_ONLY = 0o600;
/** Size of a journal file: two slots of one entry each. */
const JOURNAL_BYTES = 2 * limits.journalRoomBytes;

/** The folders that may hold journals, the preferred one first. */
export function journalFolders({
  poolDir,
  dbPath,
}: Pick<AppConfig, 'poolDir' | 'dbPath'>): readonly string[] {
  return [join(poolDir, FOLDER), join(dirname(dbPath), FOLDER)];
}

/** Returns the name of an account's journal file. @param id the identity of the account */
export function journalName(id: string): string {
  return `${createHash('sha256').update(id).digest('hex').slice(0, 32)}.journal`;
}

/** Opens a file for writing if possible, else for reading; null when it is missing or unreadable. */
export async function openExisting(path: string): Promise<FileHandle | null> {
  for (const flags of ['r+', 'r']) {
    try {
      return await open(path, flags);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return null; // the usual case
    }
  }
  return null;
}

export async function openOrCreate(folder: string, name: string): Promise<FileHandle> {
  const path = join(folder, name);
  try {
    return await open(path, 'r+');
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
  await ensureOwnFolder(folder);
  const created = await open(path, 'a+', OWNER_ONLY);
  await created.close();
  const file = await open(path, 'r+');
  try {
    await syncFolder(folder);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Allocates the space of a journal. Requires the lock, or it would overwrite another process's entry. */
export async function allocate(file: FileHandle): Promise<void> {
  let { size } = await file.stat();
  if (size >= JOURNAL_BYTES) return;
  while (size < JOURNAL_BYTES) {
    size += (await file.write(Buffer.alloc(JOURNAL_BYTES - size), 0, JOURNAL_BYTES - size, size))
      .bytesWritten;
  }
  await file.sync();
}

/** Returns the identity of an open file (device and inode). */
export async function identityOfFile(file: FileHandle): Promise<string> {
  const { dev, ino } = await file.stat({ bigint: true });
  return `${dev}:${ino}`;
}

/** Returns whether a path still leads to this open file. A lock on a deleted file excludes no one. */
export async function isStillAt(path: string, file: FileHandle): Promise<boolean> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev}:${ino}` === (await identityOfFile(file));
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return false;
    throw error;
  }
}
