/** The values of `PROXY_SQLITE_DRIVER`; `auto`: the package `sqlite3` where it loads, else Node's own SQLite. */
export const driverSettings = ['auto', 'sqlite3', 'node'] as const;
export type DriverSetting = (typeof driverSettings)[number];
