import { createRequire } from 'node:module';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { describeError, errorCode, PoolError } from '../runtime/pool-error.js';
import { UsageOnRecord1795300000000 } from './migrations/1795300000000-usage-on-record.js';
import { EvidenceOnRecord1795390000000 } from './migrations/1795390000000-evidence-on-record.js';
import { FormerAccount1795400000000 } from './migrations/1795400000000-former-account.js';
import { Ownership1795420000000 } from './migrations/1795420000000-ownership.js';
import { CreditsSetting1795800000000 } from './migrations/1795800000000-credits-setting.js';
import { QuotaSampleSeenAt1795900000000 } from './migrations/1795900000000-quota-sample-seen-at.js';
import { UsageDay1796000000000 } from './migrations/1796000000000-usage-day.js';
import { Project1796100000000 } from './migrations/1796100000000-project.js';
import { UsageSplit1796200000000 } from './migrations/1796200000000-usage-split.js';
import { PausedUntil1796300000000 } from './migrations/1796300000000-paused-until.js';
import { RuntimeSetting1796400000000 } from './migrations/1796400000000-runtime-setting.js';
import { PausedAt1796500000000 } from './migrations/1796500000000-paused-at.js';
import type { DriverSetting } from '../config/driver-setting.js';
import { nodeSqlite } from './node-sqlite.js';
import type { SqliteModule } from './sqlite-module.js';
import type { EntityClass } from './stored-table.js';

export const migrations = [
  UsageOnRecord1795300000000,
  EvidenceOnRecord1795390000000,
  FormerAccount1795400000000,
  Ownership1795420000000,
  CreditsSetting1795800000000,
  QuotaSampleSeenAt1795900000000,
  UsageDay1796000000000,
  Project1796100000000,
  UsageSplit1796200000000,
  PausedUntil1796300000000,
  RuntimeSetting1796400000000,
  PausedAt1796500000000,
];

/** `sqlite3` is the package, `node` is Node's own SQLite. `fallbackReason` says why the package did not load. */
export interface DatabaseDriver {
  readonly name: Exclude<DriverSetting, 'auto'>;
  readonly module: SqliteModule;
  readonly fallbackReason: string | null;
}

export class DriverNotLoadedError extends PoolError {
  readonly code = 'database_driver_not_loaded';
}

/**
 * Returns the driver of the setting. `auto` is the package `sqlite3` if its binary loads on this machine, else
 * Node's own SQLite.
 * @throws DriverNotLoadedError if the setting is `sqlite3` and the package does not load
 */
export function chooseDriver(setting: DriverSetting): DatabaseDriver {
  if (setting === 'node') return { name: 'node', module: nodeSqlite, fallbackReason: null };
  try {
    return { name: 'sqlite3', module: loadSqlite3(), fallbackReason: null };
  } catch (error) {
    const [reason = ''] = describeError(error).split('\n');
    if (setting === 'auto') return { name: 'node', module: nodeSqlite, fallbackReason: reason };
    throw new DriverNotLoadedError(
      `PROXY_SQLITE_DRIVER is sqlite3, but the package sqlite3 does not load (${reason}). Install it, or set PROXY_SQLITE_DRIVER to auto or node: Node's own SQLite uses the same file.`,
      { cause: error },
    );
  }
}

/** Loads the package at run time: it may be absent, and its binary may be built for another system. */
function loadSqlite3(): SqliteModule {
  const loaded: unknown = createRequire(import.meta.url)('sqlite3');
  if (!isSqliteModule(loaded)) throw new TypeError('the sqlite3 package does not export a Database class');
  // Turns off the package's verbose mode, which TypeORM switches on: it creates two errors per statement.
  return { ...loaded, verbose: () => loaded };
}

function isSqliteModule(it: unknown): it is SqliteModule {
  return typeof it === 'object' && it !== null && 'Database' in it && typeof it.Database === 'function';
}

/**
 * Returns the TypeORM options of a driver. A slow disk must not block the program. `sqlite3` works on the threads
 * that DNS and files use, so a statement waits at most a second for a lock, and only one runs at a time. Node's own
 * SQLite works in a separate thread.
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
    busyTimeout: 1_000,
    entities: [...entities],
    migrations,
    synchronize: false,
    migrationsRun: false,
    logging: false,
  };
}

/**
 * Prepares a new connection. Free pages can be given back to the disk only in a file that was made so, which its first
 * write settles: switching to WAL. On any other file the first statement would need the lock for writing, and a start
 * would fail while another program holds it.
 */
export async function prepareConnection(source: DataSource): Promise<void> {
  const [file] = await source.query<{ page_count: unknown }[]>('PRAGMA page_count');
  if (Number(file?.page_count) === 0) await source.query('PRAGMA auto_vacuum = INCREMENTAL');
  await source.query('PRAGMA journal_mode = WAL');
}

/** Returns options that open the file without changing it. */
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

/** `damaged`: the file will never be readable again. `passing`: the same work may succeed later. */
export function kindOfFault(error: unknown): 'damaged' | 'passing' {
  const code = driverCode(error);
  return code === 'SQLITE_NOTADB' || code === 'SQLITE_CORRUPT' ? 'damaged' : 'passing';
}

/** Codes of faults that lie in a row: it breaks a constraint, is too large, or has a value that no column takes. */
const rowFaults = /^SQLITE_(?:CONSTRAINT|MISMATCH|TOOBIG|RANGE)/;

/** Whether the rows of a statement are the cause of its failure: other rows can be written. */
export function isRowFault(error: unknown): boolean {
  const code = driverCode(error);
  // Without a code, our own code could not make a statement of the rows.
  return code === null ? error instanceof TypeError || error instanceof RangeError : rowFaults.test(code);
}

/** Whether another program has locked the file. The connection is still good. */
export function isLocked(error: unknown): boolean {
  const code = driverCode(error);
  return code === 'SQLITE_BUSY' || code === 'SQLITE_LOCKED';
}

function driverCode(error: unknown): string | null {
  const inner =
    typeof error === 'object' && error !== null && 'driverError' in error ? error.driverError : null;
  return errorCode(inner) ?? errorCode(error);
}
