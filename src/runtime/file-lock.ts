import type { FileHandle } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { loadKernelLock } from './kernel-lock.js';
import { describeError } from './pool-error.js';
import { trySidecarLock } from './sidecar-lock.js';

/** Pause between two tries for a lock. */
export const LOCK_RETRY_MS = 25;

const kernel = await loadKernelLock();

/** Why locks are files beside the locked ones here; null where the system's own lock is used. */
export const whyNoKernelLock: string | null = 'fault' in kernel ? describeError(kernel.fault) : null;

/**
 * Takes the lock on an open file, waiting for it up to so many ms; false when it is still held elsewhere. It ends when
 * the file is closed. With the process that dies it ends at once, or, where `whyNoKernelLock` says why, after
 * `STALE_LOCK_MS`. `path` is where the file lies; without it, its link in `/proc` is read.
 * @throws where the file system knows no locks
 */
export async function lockFile(file: FileHandle, patienceMs: number, path?: string): Promise<boolean> {
  const until = performance.now() + patienceMs;
  for (;;) {
    if (await tryLock(file, path)) return true;
    if (performance.now() >= until) return false;
    // Asked again and again: the library's own wait would keep a thread that files and names share.
    await pause(LOCK_RETRY_MS);
  }
}

async function tryLock(file: FileHandle, path: string | undefined): Promise<boolean> {
  return 'fault' in kernel ? await trySidecarLock(file, path) : kernel.tryLock(file.fd);
}
