/** The values of `PROXY_SQLITE_DRIVER`. `auto` is the package `sqlite3` if it loads, else Node's own SQLite. */
export const driverSettings = ['auto', 'sqlite3', 'node'] as const;
export type DriverSetting = (typeof driverSettings)[number];
