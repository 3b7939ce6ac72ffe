import { chooseDriver } from '../../../src/storage/database-driver.js';

/**
 * The database drivers, as `PROXY_SQLITE_DRIVER` names them. Tests of the database run on each: on Node's own SQLite, and
 * on the package `sqlite3` if it loads on this machine. CI sets `TEST_SQLITE3=required` and thereby fails without the package.
 */
export const databaseDrivers: readonly TestedDriver[] = hasSqlite3Package() ? ['sqlite3', 'node'] : ['node'];
export type TestedDriver = 'sqlite3' | 'node';

/** Whether tests may rely on the package `sqlite3`. */
export function hasSqlite3Package(): boolean {
  return process.env['TEST_SQLITE3'] === 'required' || chooseDriver('auto').name === 'sqlite3';
}

/** The environment of a program that uses this driver. */
export const using = (driver: TestedDriver) => ({ PROXY_SQLITE_DRIVER: driver });
