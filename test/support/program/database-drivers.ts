/** The database drivers, as `PROXY_SQLITE_DRIVER` names them. Tests of the database run on both. */
export const databaseDrivers = ['sqlite3', 'node'] as const;
export type TestedDriver = (typeof databaseDrivers)[number];

/** The environment of a program that uses this driver. */
export const using = (driver: TestedDriver) => ({ PROXY_SQLITE_DRIVER: driver });
