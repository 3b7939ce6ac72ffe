import { createHash } from 'node:crypto';
import { chmod, type FileHandle, lstat, mkdir, open, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { lockFile } from '../runtime/file-lock.js';
import { errorCode, PoolError } from '../runtime/pool-error.js';
import type { Asking } from './journal-entry.js';

const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;
const NOTE_BYTES = 4_096;

const noteSchema = z.object({ refreshToken: z.string(), at: z.number(), isAgain: z.boolean() });

/** The folder for locks belongs to another user, or is open to others. */
export class RuntimeFolderError extends PoolError {
  readonly code = 'runtime_folder_unsafe';
}

/**
 * A credential file in our hands, for whatever pool folder it is linked into: the lock is a file in a folder of the
 * user (`XDG_RUNTIME_DIR`, else the system's folder for temporary files), named after the real place of the
 * credential file. It holds no token: only the fingerprint of the one that was asked with last.
 */
export class SharedFile implements AsyncDisposable {
  private constructor(private readonly file: FileHandle) {}

  /**
   * Takes hold of the credential file at this path, waiting up to so many ms. The lock lies in the first of the folders
   * that is safe. `busy`: another process has it still.
   * Null where there is no such file.
   * @throws when no lock can be had here: the folder is not safe, or the file system knows no locks
   */
  static async lock(
    path: string,
    folders: readonly string[],
    patienceMs: number,
  ): Promise<SharedFile | 'busy' | null> {
    const name = await nameOf(path);
    if (name === null) return null;
    const folder = await runtimeFolder(folders);
    const lockPath = join(folder, name);
    const made = await open(lockPath, 'a', OWNER_ONLY_FILE);
    await made.close();
    const file = await open(lockPath, 'r+');
    try {
      if (await lockFile(file, patienceMs, lockPath)) return new SharedFile(file);
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
    return 'busy';
  }

  /** The last question whose answer is not known to be in the credential file; null for none. */
  async asking(): Promise<Asking | null> {
    const { bytesRead, buffer } = await this.file.read(Buffer.alloc(NOTE_BYTES), 0, NOTE_BYTES, 0);
    try {
      return noteSchema.parse(JSON.parse(buffer.toString('utf8', 0, bytesRead)));
    } catch {
      return null; // empty, nearly always; or cut by the end of a process before it asked
    }
  }

  async note(asking: Asking | null): Promise<void> {
    await this.file.truncate(0);
    if (asking !== null) await this.file.write(JSON.stringify(asking), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.file.close();
  }
}

/**
 * By the real folder, which may have several paths, and the name in it: the file itself is another one after each
 * renewal. Null when there is none.
 */
async function nameOf(path: string): Promise<string | null> {
  try {
    const real = await realpath(path);
    const { dev, ino } = await stat(dirname(real), { bigint: true });
    const place = `${dev}:${ino}:${basename(real)}`;
    return `${createHash('sha256').update(place).digest('hex').slice(0, 32)}.lock`;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

/** The first that is safe; made where it is missing. */
async function runtimeFolder(folders: readonly string[]): Promise<string> {
  const uid = process.getuid?.() ?? null;
  let refused: unknown = null;
  for (const folder of folders) {
    try {
      await makeSafe(folder, uid);
      return folder;
    } catch (error) {
      refused = error; // that of another user, for one, whose environment was kept
    }
  }
  throw refused;
}

/** Nobody else may write there, nor put a link in its place. `uid` null: the system knows none. */
async function makeSafe(folder: string, uid: number | null): Promise<void> {
  await mkdir(folder, { recursive: true, mode: OWNER_ONLY_FOLDER });
  const facts = await lstat(folder);
  if (!facts.isDirectory() || (uid !== null && facts.uid !== uid)) {
    throw new RuntimeFolderError(`${folder} is no folder of this user`);
  }
  if (uid !== null && (facts.mode & 0o077) !== 0) await chmod(folder, OWNER_ONLY_FOLDER);
}
