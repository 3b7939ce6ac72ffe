/** Each driver of the database, as `PROXY_SQLITE_DRIVER` names it: whatever rests on one is tested on both. */
export const databaseDrivers = ['sqlite3', 'node'] as const;
export type TestedDriver = (typeof databaseDrivers)[number];

/** The environment of a program that uses this driver. */
export const using = (driver: TestedDriver) => ({ PROXY_SQLITE_DRIVER: driver });
