import { EventEmitter } from 'node:events';
import { type FileHandle, readlink } from 'node:fs/promises';
import { describeError, errorCode } from '../pool-error.js';

/** A lock that was not renewed for this long counts as abandoned. */
export const STALE_LOCK_MS = 5_000;
/** How often the holder renews its lock. */
export const RENEW_LOCK_MS = 1_000;

/**
 * Locks an open file by an entry beside it, `<path>.lock`; false when another holder has it. The timestamp of the entry
 * is renewed while the lock is held, so that a dead holder is noticed after `STALE_LOCK_MS`. Closing the file releases
 * the lock. Without a path, the link in `/proc` is read.
 * @throws if the entry cannot be created
 */
export async function trySidecarLock(file: FileHandle, path?: string): Promise<boolean> {
  // Documented, but missing from Node's types.
  if (!(file instanceof EventEmitter)) throw new TypeError('the file handle emits no close event');
  const place = path ?? (await readlink(`/proc/self/fd/${file.fd}`));
  // Loaded on demand, because it installs handlers for all signals.
  const { lock } = await import('proper-lockfile');
  let release: () => Promise<void>;
  try {
    release = await lock(place, {
      stale: STALE_LOCK_MS,
      update: RENEW_LOCK_MS,
      // The default handler throws in a timer; that would end the program.
      onCompromised: (error) => void report('error', 'lock lost while held', fields(place, error)),
    });
  } catch (error) {
    if (errorCode(error) === 'ELOCKED') return false;
    throw error;
  }
  file.once('close', () => {
    release().catch((error: unknown) => {
      // A lost lock is already logged; any other error leaves a lock that becomes stale.
      if (errorCode(error) !== 'ERELEASED')
        void report('warn', 'lock could not be released; it will expire', fields(place, error));
    });
  });
  return true;
}

function fields(path: string, error: unknown) {
  return { path, reason: describeError(error) };
}

/** Loads the logger when it is needed, because the command line does without Nest. */
async function report(level: 'warn' | 'error', message: string, about: object): Promise<void> {
  const { Logger } = await import('@nestjs/common');
  new Logger('FileLock')[level](message, about);
}
