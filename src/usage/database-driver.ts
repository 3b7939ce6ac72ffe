import sqlite3 from 'sqlite3';
import type { DataSourceOptions } from 'typeorm';
import { errorCode } from '../pool-error.js';
import { AccountEvidenceRow } from './account-evidence.entity.js';
import { AccountSettingsRow } from './account-settings.entity.js';
import { UsageOnRecord1795300000000 } from './migrations/1795300000000-usage-on-record.js';
import { EvidenceOnRecord1795390000000 } from './migrations/1795390000000-evidence-on-record.js';
import { FormerAccount1795400000000 } from './migrations/1795400000000-former-account.js';
import { Ownership1795420000000 } from './migrations/1795420000000-ownership.js';
import { OwnedValue } from './owned-value.entity.js';
import { QuotaSample } from './quota-sample.entity.js';
import { SessionAffinity } from './session-affinity.entity.js';
import { UsageRecord } from './usage-record.entity.js';
import { UsageRollup } from './usage-rollup.entity.js';

const entities = [
  UsageRecord,
  UsageRollup,
  QuotaSample,
  SessionAffinity,
  OwnedValue,
  AccountSettingsRow,
  AccountEvidenceRow,
];
/** TypeORM switches the driver's stack traces on, which cost every statement two errors; it is not to. */
const quietDriver = { ...sqlite3, verbose: () => sqlite3 };

export const migrations = [
  UsageOnRecord1795300000000,
  EvidenceOnRecord1795390000000,
  FormerAccount1795400000000,
  Ownership1795420000000,
];

/**
 * The one place that names the driver. SQLite works on threads that DNS and files share, so a statement
 * waits for a lock at most a second, and there is never more than one under way.
 */
export function driverOptions(path: string): DataSourceOptions {
  return {
    type: 'sqlite',
    driver: quietDriver,
    database: path,
    enableWAL: true,
    busyTimeout: 1_000,
    entities,
    migrations,
    synchronize: false,
    migrationsRun: false,
    logging: false,
  };
}

/** The same file, to be looked at alone: nothing of it changes. */
export function readOnlyOptions(path: string): DataSourceOptions {
  return {
    type: 'sqlite',
    driver: quietDriver,
    database: path,
    flags: sqlite3.OPEN_READONLY,
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
