import { type FileHandle, open } from 'node:fs/promises';
import { lockFile, whyNoKernelLock } from '../runtime/files/file-lock.js';
import { PoolError } from '../runtime/pool-error.js';
import { RENEW_LOCK_MS, STALE_LOCK_MS } from '../runtime/files/sidecar-lock.js';

/** Another codex-pool uses the same database. */
export class DataFolderInUseError extends PoolError {
  readonly code = 'data_folder_in_use';
  constructor(dbPath: string) {
    super(
      `another codex-pool is using ${dbPath}: stop it, or set a different PROXY_DB_PATH and PROXY_LISTEN_ADDR.`,
    );
  }
}

/**
 * Wait where locks are files, ms: until a lock would be stale, because a restart after a crash must succeed.
 */
const patienceMs = whyNoKernelLock === null ? 0 : STALE_LOCK_MS + RENEW_LOCK_MS;

/**
 * Claims the database file for this process, until disposed or until the process ends in any way. Claims nothing
 * where locks are impossible, as on some network drives.
 * @throws DataFolderInUseError
 */
export async function lockInstance(dbPath: string): Promise<AsyncDisposable> {
  const path = `${dbPath}.lock`;
  let file: FileHandle;
  try {
    file = await open(path, 'a', 0o600);
  } catch {
    return { [Symbol.asyncDispose]: async () => undefined }; // the database will report the problem with this folder
  }
  let isOurs: boolean;
  try {
    isOurs = await lockFile(file, patienceMs, path);
  } catch {
    isOurs = true; // the file system has no locks
  }
  if (isOurs) return file;
  await file.close();
  throw new DataFolderInUseError(dbPath);
}
