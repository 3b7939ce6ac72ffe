import { randomBytes } from 'node:crypto';
import { readdir, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '../pool-error.js';

const MINUTE = 60_000;
/** A write takes moments. A process of this id that lives longer is another one. */
const LONGEST_WRITE_MS = 60 * MINUTE;

/** The base name of the file that is being replaced, and the process that writes; older versions named no process. */
const pattern = /^\.(.+)\.(?:(\d{1,10})-)?[0-9a-f]{12}\.tmp$/;

/** Returns an unused path beside a file, for its next text. */
export function temporaryPathFor(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}-${randomBytes(6).toString('hex')}.tmp`);
}

/**
 * Deletes the temporary files in a folder that processes have left behind when they died, for files whose base name is
 * wanted. Returns how many; 0 without the folder. Files of living processes stay.
 */
export async function deleteLeftovers(folder: string, isWanted: (base: string) => boolean): Promise<number> {
  let deleted = 0;
  for (const name of await namesIn(folder)) {
    const [, base, pid] = pattern.exec(name) ?? [];
    if (base === undefined || !isWanted(base)) continue;
    const path = join(folder, name);
    try {
      const { mtimeMs } = await stat(path);
      if (!isLeftover(pid === undefined ? null : Number(pid), mtimeMs)) continue;
      await unlink(path);
      deleted += 1;
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw error; // its process has just finished
    }
  }
  return deleted;
}

function isLeftover(pid: number | null, writtenAt: number): boolean {
  const ageMs = Date.now() - writtenAt;
  if (ageMs > LONGEST_WRITE_MS) return true;
  if (pid === null) return ageMs > MINUTE;
  // In a container every run may have the same id.
  if (pid === process.pid) return ageMs > process.uptime() * 1_000;
  return !isAlive(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM'; // another user's
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return [];
    throw error;
  }
}
