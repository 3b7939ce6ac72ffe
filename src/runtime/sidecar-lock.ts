import { EventEmitter } from 'node:events';
import { type FileHandle, readlink } from 'node:fs/promises';
import { Logger } from '@nestjs/common';
import { describeError, errorCode } from './pool-error.js';

/** A lock that was not renewed for this long counts as abandoned. */
export const STALE_LOCK_MS = 5_000;
/** How often the holder renews its lock. */
export const RENEW_LOCK_MS = 1_000;

const logger = new Logger('FileLock');

/**
 * Takes the lock on an open file by an entry beside it, `<path>.lock`; false when it is held elsewhere. The entry's
 * time is renewed while the lock is held, so that an owner who has died is noticed after `STALE_LOCK_MS`. The lock
 * ends when the file is closed. Without a path, the file's link in `/proc` is read.
 * @throws where the folder takes no entry
 */
export async function trySidecarLock(file: FileHandle, path?: string): Promise<boolean> {
  // Documented, and missing in the types of Node.
  if (!(file instanceof EventEmitter)) throw new TypeError('an open file does not say when it is closed');
  const place = path ?? (await readlink(`/proc/self/fd/${file.fd}`));
  // Loaded only here, where it is needed: it listens to all signals of the process.
  const { lock } = await import('proper-lockfile');
  let release: () => Promise<void>;
  try {
    release = await lock(place, {
      stale: STALE_LOCK_MS,
      update: RENEW_LOCK_MS,
      // The default throws in a timer, which would end the program.
      onCompromised: (error) => logger.error('a lock was lost while it was held', fields(place, error)),
    });
  } catch (error) {
    if (errorCode(error) === 'ELOCKED') return false;
    throw error;
  }
  file.once('close', () => {
    release().catch((error: unknown) => {
      // A lost one was logged when it was lost; any other goes by its age.
      if (errorCode(error) !== 'ERELEASED')
        logger.warn('a lock stays until it is stale', fields(place, error));
    });
  });
  return true;
}

function fields(path: string, error: unknown) {
  return { path, reason: describeError(error) };
}
