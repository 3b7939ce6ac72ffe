/** Gets an error with a `code` such as `SQLITE_BUSY`, or the rows of a statement that reads. */
export type StatementCallback = (
  this: { readonly lastID?: number; readonly changes?: number },
  error: Error | null,
  rows?: object[],
) => void;

/** One connection. The package guarantees no order: its caller waits for each statement before the next. */
export interface SqliteConnection {
  run(sql: string, callback: StatementCallback): unknown;
  run(sql: string, values: readonly unknown[] | undefined, callback: StatementCallback): unknown;
  all(sql: string, callback: StatementCallback): unknown;
  all(sql: string, values: readonly unknown[] | undefined, callback: StatementCallback): unknown;
  close(callback: (error: Error | null) => void): void;
}

type Opened = (error: Error | null) => void;

/** The part of the package `sqlite3` that TypeORM's driver of that name uses. */
export interface SqliteModule {
  readonly OPEN_READONLY: number;
  readonly OPEN_READWRITE: number;
  readonly OPEN_CREATE: number;
  readonly OPEN_URI: number;
  readonly Database: {
    new (path: string, opened: Opened): SqliteConnection;
    new (path: string, flags: number, opened: Opened): SqliteConnection;
  };
  verbose(): SqliteModule;
}
