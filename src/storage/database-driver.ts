import { createRequire } from 'node:module';
import type { DataSourceOptions } from 'typeorm';
import { describeError, errorCode, PoolError } from '../runtime/pool-error.js';
import { UsageOnRecord1795300000000 } from './migrations/1795300000000-usage-on-record.js';
import { EvidenceOnRecord1795390000000 } from './migrations/1795390000000-evidence-on-record.js';
import { FormerAccount1795400000000 } from './migrations/1795400000000-former-account.js';
import { Ownership1795420000000 } from './migrations/1795420000000-ownership.js';
import type { DriverSetting } from '../config/driver-setting.js';
import { nodeSqlite } from './node-sqlite.js';
import type { SqliteModule } from './sqlite-module.js';
import type { EntityClass } from './stored-table.js';

export const migrations = [
  UsageOnRecord1795300000000,
  EvidenceOnRecord1795390000000,
  FormerAccount1795400000000,
  Ownership1795420000000,
];

/** `sqlite3`: the package; `node`: Node's own SQLite. `fallbackReason`: why the package could not be had. */
export interface DatabaseDriver {
  readonly name: Exclude<DriverSetting, 'auto'>;
  readonly module: SqliteModule;
  readonly fallbackReason: string | null;
}

export class DriverNotLoadedError extends PoolError {
  readonly code = 'database_driver_not_loaded';
}

/**
 * The driver that is asked for; with `auto` the package `sqlite3` where its binary loads on this machine, else
 * Node's own SQLite.
 * @throws DriverNotLoadedError where `sqlite3` is asked for and does not load
 */
export function chooseDriver(setting: DriverSetting): DatabaseDriver {
  if (setting === 'node') return { name: 'node', module: nodeSqlite, fallbackReason: null };
  try {
    return { name: 'sqlite3', module: loadSqlite3(), fallbackReason: null };
  } catch (error) {
    const [reason = ''] = describeError(error).split('\n');
    if (setting === 'auto') return { name: 'node', module: nodeSqlite, fallbackReason: reason };
    throw new DriverNotLoadedError(
      `PROXY_SQLITE_DRIVER is sqlite3, and the package sqlite3 does not load (${reason}). Install it, or set PROXY_SQLITE_DRIVER to auto or node: Node's own SQLite uses the same file.`,
      { cause: error },
    );
  }
}

/** Not a static import: the package may be absent, and its binary may be made for another system. */
function loadSqlite3(): SqliteModule {
  const loaded: unknown = createRequire(import.meta.url)('sqlite3');
  if (!isSqliteModule(loaded)) throw new TypeError('the package sqlite3 has no class Database');
  // TypeORM switches the package's stack traces on, which would cost every statement two errors.
  return { ...loaded, verbose: () => loaded };
}

function isSqliteModule(it: unknown): it is SqliteModule {
  return typeof it === 'object' && it !== null && 'Database' in it && typeof it.Database === 'function';
}

/**
 * The one place that knows the drivers. A slow disk must not hold the program up: `sqlite3` works on threads
 * that DNS and files share, so a statement waits for a lock at most a second, and there is never more than one
 * under way; Node's own works in a thread of its own.
 */
export function driverOptions(
  path: string,
  { module }: DatabaseDriver,
  entities: readonly EntityClass[],
): DataSourceOptions {
  return {
    type: 'sqlite',
    driver: module,
    database: path,
    enableWAL: true,
    busyTimeout: 1_000,
    entities: [...entities],
    migrations,
    synchronize: false,
    migrationsRun: false,
    logging: false,
  };
}

/** The same file, to be looked at alone: nothing of it changes. */
export function readOnlyOptions(path: string, { module }: DatabaseDriver): DataSourceOptions {
  return {
    type: 'sqlite',
    driver: module,
    database: path,
    flags: module.OPEN_READONLY,
    busyTimeout: 1_000,
    logging: false,
  };
}

/** `damaged`: the file will never be read again; `passing`: the same may work later. */
export function kindOfFault(error: unknown): 'damaged' | 'passing' {
  const code = driverCode(error);
  return code === 'SQLITE_NOTADB' || code === 'SQLITE_CORRUPT' ? 'damaged' : 'passing';
}

/** Locked by another program: the connection is good, only the moment is not. */
export function isLocked(error: unknown): boolean {
  const code = driverCode(error);
  return code === 'SQLITE_BUSY' || code === 'SQLITE_LOCKED';
}

function driverCode(error: unknown): string | null {
  const inner =
    typeof error === 'object' && error !== null && 'driverError' in error ? error.driverError : null;
  return errorCode(inner) ?? errorCode(error);
}
