import { chmod, mkdir, stat } from 'node:fs/promises';
import { errorCode } from './pool-error.js';

const OWNER_ONLY = 0o700;

/**
 * Creates a folder of the program's own, with those above it, or tightens an existing one: only its owner may enter. A
 * mode that cannot be changed, as on a foreign file system, stays as it is.
 */
export async function ensureOwnFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: OWNER_ONLY });
  if (process.platform === 'win32') return;
  const { mode } = await stat(path);
  if ((mode & 0o077) === 0) return;
  await chmod(path, OWNER_ONLY).catch((error: unknown) => {
    if (errorCode(error) !== 'EPERM' && errorCode(error) !== 'EROFS') throw error;
  });
}
