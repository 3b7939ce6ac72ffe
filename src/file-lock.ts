import type { FileHandle } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { tryLock } from 'fs-native-extensions';
import { limits } from './limits.js';

/**
 * Takes the lock on an open file, waiting for it up to so many ms; false when somebody else has it still. It is the
 * system's own lock: it ends when the file is closed, and with the process that dies, at once. Throws where the
 * file system knows no locks.
 */
export async function lockFile(file: FileHandle, patienceMs: number): Promise<boolean> {
  const until = performance.now() + patienceMs;
  for (;;) {
    if (tryLock(file.fd)) return true;
    if (performance.now() >= until) return false;
    // Asked again and again: the library's own wait would keep a thread that files and names share.
    await pause(limits.lockRetryMs);
  }
}
