import { type FileHandle, open } from 'node:fs/promises';
import { lockFile, whyNoKernelLock } from '../runtime/file-lock.js';
import { PoolError } from '../runtime/pool-error.js';
import { RENEW_LOCK_MS, STALE_LOCK_MS } from '../runtime/sidecar-lock.js';

/** Another codex-pool keeps its records in the same place. */
export class DataFolderInUseError extends PoolError {
  readonly code = 'data_folder_in_use';
  constructor(dbPath: string) {
    super(
      `another codex-pool runs with ${dbPath}: stop that one, or give this one a PROXY_DB_PATH and a PROXY_LISTEN_ADDR of its own.`,
    );
  }
}

/** A lock that is a file is waited for until it would be stale: a restart after a crash must not be refused. */
const patienceMs = whyNoKernelLock === null ? 0 : STALE_LOCK_MS + RENEW_LOCK_MS;

/**
 * Claims the database's place for this process, until disposed or until the process ends in whatever way. Where no
 * lock can be had, as on some network drives, nothing is claimed.
 * @throws DataFolderInUseError
 */
export async function lockInstance(dbPath: string): Promise<AsyncDisposable> {
  const path = `${dbPath}.lock`;
  let file: FileHandle;
  try {
    file = await open(path, 'a', 0o600);
  } catch {
    return { [Symbol.asyncDispose]: async () => undefined }; // what is wrong with the place is the database's to tell
  }
  let isOurs: boolean;
  try {
    isOurs = await lockFile(file, patienceMs, path);
  } catch {
    isOurs = true; // the file system knows no locks
  }
  if (isOurs) return file;
  await file.close();
  throw new DataFolderInUseError(dbPath);
}
