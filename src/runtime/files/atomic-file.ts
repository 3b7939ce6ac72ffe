import { chmod, chown, constants, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errorCode } from '../pool-error.js';
import { temporaryPathFor } from './temporary-file.js';

const OWNER_ONLY = 0o600;

/**
 * Errors of a folder that accepts no new file, or of a file that cannot be renamed over, such as a single file mounted
 * into a container.
 */
const notReplaceable: ReadonlySet<string | null> = new Set(['EBUSY', 'EXDEV', 'EACCES', 'EPERM', 'EROFS']);

/**
 * Replaces a whole file: temp file, fsync, rename, fsync of the folder. Sets mode 0600 and keeps the owner. A file with
 * several hard links, or one that cannot be replaced, is written in place instead, because a rename would leave the
 * other name with the old text. A crash then leaves a mixture of both texts, so `beforeInPlace` must make the new text
 * safe elsewhere. Rejects if nothing was written. A full disk leaves the file unchanged.
 */
export async function replaceFile(
  path: string,
  text: string,
  beforeInPlace: (text: string) => Promise<void> = async () => undefined,
): Promise<void> {
  let whyNotReplaced: unknown = null;
  if (!(await hasOtherLinks(path))) {
    try {
      await renameOnto(path, text);
      return;
    } catch (error) {
      if (!notReplaceable.has(errorCode(error))) throw error;
      whyNotReplaced = error;
    }
  }
  await beforeInPlace(text);
  await writeInPlace(path, text).catch((error: unknown) => {
    // There is no file to write in place, so the folder's own error is the reason.
    throw errorCode(error) === 'ENOENT' ? (whyNotReplaced ?? error) : error;
  });
}

/** Whether a file has several names. False if there is none at this path. */
export async function hasOtherLinks(path: string): Promise<boolean> {
  try {
    return (await stat(path)).nlink > 1;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Returns the text of a regular file of at most `maxBytes`; null for anything else. */
export async function readBounded(path: string, maxBytes: number): Promise<string | null> {
  // O_NONBLOCK: opening a named pipe would block startup forever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = await file.stat();
    if (!facts.isFile() || facts.size > maxBytes) return null;
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

/** Makes changes of a folder's entries durable. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // Windows cannot open folders
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function renameOnto(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  const temporary = temporaryPathFor(path);
  try {
    const file = await open(temporary, 'wx', OWNER_ONLY);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await keepOwner(path, temporary);
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined); // it may not exist
    throw error;
  }
  await syncFolder(folder);
}

/** Keeps the owner: a file that a proxy running as root takes over would become unreadable to its user. */
async function keepOwner(path: string, temporary: string): Promise<void> {
  if (process.platform === 'win32') return;
  let owner: { uid: number; gid: number };
  try {
    owner = await stat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return;
    throw error;
  }
  const mine = await stat(temporary);
  if (mine.uid !== owner.uid || mine.gid !== owner.gid) await chown(temporary, owner.uid, owner.gid);
}

/** In one write, which fills up a longer old text with blank lines, so that a reader finds no rest of it. */
async function writeInPlace(path: string, text: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    const { length } = Buffer.from(text);
    const bytes = Buffer.from(text + '\n'.repeat(Math.max(0, size - length)));
    let written = 0;
    while (written < bytes.length) {
      written += (await file.write(bytes, written, bytes.length - written, written)).bytesWritten;
    }
    await file.truncate(length);
    await file.sync();
  } finally {
    await file.close();
  }
  await chmod(path, OWNER_ONLY).catch(() => undefined); // the next read warns about a mode that is too wide
}
