import { createHash } from 'node:crypto';
import { chmod, type FileHandle, lstat, mkdir, open, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { lockFile } from '../../runtime/files/file-lock.js';
import { errorCode, PoolError } from '../../runtime/pool-error.js';
import { isStillAt } from './journal-place.js';
import type { PendingTokenRequest } from './journal-entry.js';

const OWNER_ONLY_FOLDER = 0o700;
const OWNER_ONLY_FILE = 0o600;
const NOTE_BYTES = 4_096;

const noteSchema = z.object({ refreshToken: z.string(), at: z.number(), isAgain: z.boolean() });

/** The folder for locks belongs to another user, or is open to others. */
export class RuntimeFolderError extends PoolError {
  readonly code = 'runtime_folder_unsafe';
}

/**
 * The lock on a credential file, shared by all pool folders that link the file. The lock file is in the user's own
 * folder (`XDG_RUNTIME_DIR`, else the system's temporary folder) and is named after the real path of the credential
 * file. It holds no token, only the fingerprint of the refresh token that was last sent.
 */
export class SharedFile implements AsyncDisposable {
  private constructor(private readonly file: FileHandle) {}

  /**
   * Locks the credential file at this path, waiting up to `patienceMs`. The lock file goes into the first safe folder.
   * Returns `busy` when another process still holds the lock, null when the credential file does not exist.
   * @throws when locking is impossible: no folder is safe, or the file system does not support locks
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
    const until = performance.now() + patienceMs;
    for (;;) {
      const created = await open(lockPath, 'a', OWNER_ONLY_FILE);
      await created.close();
      const file = await open(lockPath, 'r+');
      let isLocked: boolean;
      try {
        isLocked = await lockFile(file, Math.max(0, until - performance.now()), lockPath);
        if (isLocked && (await isStillAt(lockPath, file))) return new SharedFile(file);
      } catch (error) {
        await file.close();
        throw error;
      }
      await file.close();
      if (!isLocked) return 'busy'; // else it was deleted meanwhile
    }
  }

  /** Returns the last token request whose response may not be in the credential file; null if none. */
  async asking(): Promise<PendingTokenRequest | null> {
    const { bytesRead, buffer } = await this.file.read(Buffer.alloc(NOTE_BYTES), 0, NOTE_BYTES, 0);
    try {
      return noteSchema.parse(JSON.parse(buffer.toString('utf8', 0, bytesRead)));
    } catch {
      return null; // usually empty; or torn because the process died before it sent the request
    }
  }

  async note(asking: PendingTokenRequest | null): Promise<void> {
    await this.file.truncate(0);
    if (asking !== null) await this.file.write(JSON.stringify(asking), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.file.close();
  }
}

/**
 * Names the lock file after the real folder, which may have several paths, and the file name, because each refresh
 * replaces the file itself. Null when the file does not exist.
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

/** Returns the first safe folder; creates it if missing. */
async function runtimeFolder(folders: readonly string[]): Promise<string> {
  const uid = process.getuid?.() ?? null;
  let refused: unknown = null;
  for (const folder of folders) {
    try {
      await makeSafe(folder, uid);
      return folder;
    } catch (error) {
      refused = error; // for example another user's folder, inherited from the environment
    }
  }
  throw refused;
}

/** Ensures that no other user can write there or replace it by a link. `uid` null: the system has no user ids. */
async function makeSafe(folder: string, uid: number | null): Promise<void> {
  await mkdir(folder, { recursive: true, mode: OWNER_ONLY_FOLDER });
  const facts = await lstat(folder);
  if (!facts.isDirectory() || (uid !== null && facts.uid !== uid)) {
    throw new RuntimeFolderError(`${folder} is not a folder of this user`);
  }
  if (uid !== null && (facts.mode & 0o077) !== 0) await chmod(folder, OWNER_ONLY_FOLDER);
}
