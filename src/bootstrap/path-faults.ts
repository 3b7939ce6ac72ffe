import {
  accessSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { errorCode } from '../runtime/pool-error.js';

/** Absolute paths of the settings; null where a setting itself is invalid. */
export interface SettingPaths {
  readonly poolDir: string | null;
  readonly dbPath: string | null;
}

const { R_OK, W_OK, X_OK } = constants;

/**
 * Creates the folders of the settings, and returns a sentence for each path that can never work: a file in place of a
 * folder, a folder or a text in place of the database, or denied by permissions. A full or read-only disk is no fault of
 * a setting; the program starts with it and reports it.
 */
export function pathFaults({ poolDir, dbPath }: SettingPaths): string[] {
  const faults: (string | null)[] = [];
  if (poolDir !== null) faults.push(folderFault('POOL_DIR', poolDir, R_OK | X_OK));
  if (dbPath !== null) {
    faults.push(databaseFault(dbPath) ?? folderFault('PROXY_DB_PATH', dirname(dbPath), W_OK | X_OK));
  }
  return faults.filter((it) => it !== null);
}

function databaseFault(path: string): string | null {
  const found = statOf(path);
  if (found === null) return null;
  if (found.isDirectory()) return `PROXY_DB_PATH: ${path} is a folder; name a file, such as ${path}/proxy.db`;
  if (!found.isFile()) return `PROXY_DB_PATH: ${path} is not a regular file; name another one`;
  const denied = deniedIn('PROXY_DB_PATH', path, R_OK | W_OK);
  if (denied !== null || !isText(path)) return denied;
  return `PROXY_DB_PATH: ${path} is a text file, not a database; name another one`;
}

/** Returns whether a file begins as a text, which a database never does, not even a damaged one. It may be a login. */
function isText(path: string): boolean {
  // In a stream, because the last character may be incomplete.
  const text = new TextDecoder().decode(headOf(path), { stream: true });
  // oxlint-disable-next-line no-control-regex
  return text !== '' && !/[\0-\x08\x0e-\x1f\x7f\ufffd]/.test(text);
}

/** Returns the first bytes of a file; none if it cannot be read. */
function headOf(path: string): Buffer {
  const head = Buffer.alloc(512);
  try {
    const file = openSync(path, 'r');
    try {
      return head.subarray(0, readSync(file, head));
    } finally {
      closeSync(file);
    }
  } catch {
    return head.subarray(0, 0);
  }
}

function folderFault(setting: string, path: string, access: number): string | null {
  const found = statOf(path);
  if (found !== null && !found.isDirectory())
    return `${setting}: ${path} is not a folder; remove it, or choose another path`;
  if (found !== null) return deniedIn(setting, path, access);
  try {
    create(path);
    return null;
  } catch (error) {
    return `${setting}: the folder ${path} cannot be created (${errorCode(error) ?? 'unknown error'}); choose another path, or make it writable`;
  }
}

/** Creates a folder and those above it. Node's own recursion never ends below `/proc`, which cannot hold folders. */
function create(path: string): void {
  if (statOf(path)?.isDirectory() === true) return;
  if (dirname(path) !== path) create(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}

function deniedIn(setting: string, path: string, access: number): string | null {
  try {
    accessSync(path, access);
    return null;
  } catch (error) {
    if (errorCode(error) !== 'EACCES') return null;
    return `${setting}: this user has no access to ${path}; change its owner or mode, or choose another path`;
  }
}

/** Returns null for a path that does not exist or cannot be examined. */
function statOf(path: string): Stats | null {
  try {
    return statSync(path);
  } catch {
    return null;
  }
}
