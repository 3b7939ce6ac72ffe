import { errorCode } from '../pool-error.js';

/** Why a file or folder cannot be used: a stable code, and a sentence for a person. */
export interface FileTrouble {
  readonly code:
    | 'no_access'
    | 'read_only'
    | 'disk_full'
    | 'not_a_folder'
    | 'too_many_open_files'
    | 'pool_unusable';
  readonly message: string;
}

const NO_ACCESS = 'This user may not read or write it: correct its owner or its mode.';
const FULL = 'The disk is full, or a limit is reached: free some space.';
const WRONG_KIND = 'A file is where a folder is needed, or the reverse: move it away.';
const TOO_MANY = 'Too many files are open on this machine, or in this process: raise the limit.';

const troubles: Readonly<Record<string, readonly [FileTrouble['code'], string]>> = {
  EACCES: ['no_access', NO_ACCESS],
  EPERM: ['no_access', NO_ACCESS],
  EROFS: ['read_only', 'It is read-only: mount it writable, or choose another folder with POOL_DIR.'],
  ENOSPC: ['disk_full', FULL],
  EDQUOT: ['disk_full', FULL],
  EFBIG: ['disk_full', FULL],
  ENOTDIR: ['not_a_folder', WRONG_KIND],
  EISDIR: ['not_a_folder', WRONG_KIND],
  EEXIST: ['not_a_folder', WRONG_KIND],
  ENOTEMPTY: ['not_a_folder', WRONG_KIND],
  EMFILE: ['too_many_open_files', TOO_MANY],
  ENFILE: ['too_many_open_files', TOO_MANY],
};

/** System calls on sockets and names, whose errors may have the same codes. */
const network = /^(?:connect|listen|bind|accept|getaddrinfo|shutdown|send|recv|spawn)/;

/**
 * Returns why an operation on a file has failed, with what helps; null if the error is of another kind. Such an error
 * is about the machine, not a fault of the program.
 */
export function fileTroubleIn(error: unknown): FileTrouble | null {
  if (!(error instanceof Error) || !('syscall' in error) || network.test(String(error.syscall))) return null;
  // Errors of open files lack the path.
  const path = 'path' in error && typeof error.path === 'string' ? error.path : 'A file';
  const reason = errorCode(error) ?? 'unknown';
  const [code, advice] = troubles[reason] ?? ['pool_unusable', 'See the log of codex-pool.'];
  return { code, message: `${path} cannot be used (${reason}). ${advice}` };
}
