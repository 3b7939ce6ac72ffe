import type { FileHandle } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { loadKernelLock } from './kernel-lock.js';
import { describeError } from '../pool-error.js';
import { trySidecarLock } from './sidecar-lock.js';

/** Pause between two tries for a lock. */
export const LOCK_RETRY_MS = 25;

const kernel = await loadKernelLock();

/** Why lock files replace the kernel's lock on this system; null when the kernel's lock works. */
export const whyNoKernelLock: string | null = 'fault' in kernel ? describeError(kernel.fault) : null;

/**
 * Locks an open file, waiting up to `patienceMs`; false when another holder still has it. Closing the file releases the
 * lock. When the process dies, the lock ends at once, or after `STALE_LOCK_MS` with lock files (`whyNoKernelLock`).
 * `path`: the path of the file; without it, the link in `/proc` is read.
 * @throws if the file system does not support locks
 */
export async function lockFile(file: FileHandle, patienceMs: number, path?: string): Promise<boolean> {
  const until = performance.now() + patienceMs;
  for (;;) {
    if (await tryLock(file, path)) return true;
    if (performance.now() >= until) return false;
    // Polls, because the library's blocking wait would occupy a thread of the pool that serves files and DNS.
    await pause(LOCK_RETRY_MS);
  }
}

async function tryLock(file: FileHandle, path: string | undefined): Promise<boolean> {
  return 'fault' in kernel ? await trySidecarLock(file, path) : kernel.tryLock(file.fd);
}
