import type { SQLInputValue } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import type { Fault, Reply, Request, Row } from './node-sqlite-worker.js';
import type { SqliteConnection, SqliteModule, StatementCallback } from './sqlite-module.js';

/** The source file in tests, else the built file: Node strips the types of a worker itself. */
const workerFile = new URL(
  import.meta.url.endsWith('.ts') ? './node-sqlite-worker.ts' : './node-sqlite-worker.js',
  import.meta.url,
);

const OPEN_READONLY = 1;
const OPEN_READWRITE = 2;
const OPEN_CREATE = 4;
const OPEN_URI = 0x40;

type Done = (error: Error | null, reply: Extract<Reply, { kind: 'done' }> | null) => void;
type Message = Request extends infer It ? (It extends Request ? Omit<It, 'id'> : never) : never;

/** An error of SQLite in the form of the package `sqlite3`. */
class SqliteError extends Error {
  readonly code: string;
  readonly errno: number;

  constructor({ message, code, errno }: Fault) {
    super(message);
    this.code = code;
    this.errno = errno;
  }
}

/**
 * A connection to Node's own SQLite in a separate thread. A running statement keeps the process alive, an idle
 * connection does not. If the thread dies, pending and later requests fail.
 */
class NodeSqliteConnection implements SqliteConnection {
  readonly #worker = new Worker(workerFile, { execArgv: [], env: {}, name: 'sqlite' });
  readonly #pending = new Map<number, Done>();
  #lastId = 0;
  #ended: Error | null = null;

  constructor(path: string, opened: (error: Error | null) => void);
  constructor(path: string, flags: number, opened: (error: Error | null) => void);
  constructor(
    path: string,
    ...rest: [number, (error: Error | null) => void] | [(error: Error | null) => void]
  ) {
    const [flags, opened] = rest.length === 2 ? rest : [OPEN_READWRITE | OPEN_CREATE, rest[0]];
    this.#worker.on('message', (reply: Reply) => this.#onReply(reply));
    this.#worker.on('messageerror', (error) => this.#onEnd(error));
    this.#worker.on('error', (error) => this.#onEnd(error));
    this.#worker.on('exit', () => this.#onEnd(null));
    this.#send({ kind: 'open', path, readOnly: (flags & OPEN_READWRITE) === 0 }, (error) => {
      // TypeORM does not close a connection that failed to open.
      if (error !== null) this.close(() => undefined);
      opened(error);
    });
  }

  run(sql: string, ...rest: [StatementCallback] | [readonly unknown[] | undefined, StatementCallback]): this {
    return this.#execute('run', sql, rest);
  }

  all(sql: string, ...rest: [StatementCallback] | [readonly unknown[] | undefined, StatementCallback]): this {
    return this.#execute('all', sql, rest);
  }

  /** Closes the connection. A connection whose thread died is already closed. */
  close(callback: (error: Error | null) => void): void {
    if (this.#ended === null) this.#send({ kind: 'close' }, callback);
    else queueMicrotask(() => callback(null));
  }

  #execute(
    kind: 'run' | 'all',
    sql: string,
    rest: [StatementCallback] | [readonly unknown[] | undefined, StatementCallback],
  ): this {
    const [values, callback] = rest.length === 2 ? rest : [undefined, rest[0]];
    this.#send({ kind, sql, values: (values ?? []).map((it) => bound(it)) }, (error, reply) => {
      if (reply === null) callback.call({}, error);
      else if (kind === 'all')
        callback.call(
          {},
          null,
          reply.rows.map((it) => withBuffers(it)),
        );
      else callback.call({ lastID: reply.lastID, changes: reply.changes }, null);
    });
    return this;
  }

  #send(message: Message, done: Done): void {
    const ended = this.#ended;
    if (ended !== null) {
      queueMicrotask(() => done(ended, null));
      return;
    }
    this.#lastId += 1;
    this.#pending.set(this.#lastId, done);
    this.#worker.ref();
    const request: Request = { id: this.#lastId, ...message };
    this.#worker.postMessage(request, []); // empty transfer list: everything is copied
  }

  #onReply(reply: Reply): void {
    const done = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    if (this.#pending.size === 0) this.#worker.unref();
    if (reply.kind === 'done') done?.(null, reply);
    else done?.(new SqliteError(reply.fault), null);
  }

  #onEnd(cause: Error | null): void {
    const why = cause === null ? '' : `: ${cause.message}`;
    this.#ended ??= new Error(`the database thread has exited${why}`, { cause });
    const failed = [...this.#pending.values()];
    this.#pending.clear();
    for (const done of failed) done(this.#ended, null);
  }
}

/** Converts a parameter as the package `sqlite3` would bind it. */
function bound(value: unknown): SQLInputValue {
  if (value === undefined || value === null) return null;
  if (typeof value === 'boolean') return value ? 1n : 0n;
  // An integer is bound as one: without column affinity SQLite keeps the type as bound.
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string' || typeof value === 'bigint') return value;
  if (value instanceof Date) return value.getTime();
  if (value instanceof Uint8Array) return new Uint8Array(value); // a copy, because a small Buffer shares its pool
  throw new TypeError(`SQLite stores no value of type ${typeof value}`);
}

function withBuffers(row: Row): object {
  const entries = Object.entries(row);
  return Object.fromEntries(
    entries.map(([name, it]) => [name, it instanceof Uint8Array ? Buffer.from(it) : it]),
  );
}

/** Node's own SQLite, with the interface that TypeORM's driver `sqlite` expects. */
export const nodeSqlite: SqliteModule = {
  OPEN_READONLY,
  OPEN_READWRITE,
  OPEN_CREATE,
  OPEN_URI,
  Database: NodeSqliteConnection,
  verbose: () => nodeSqlite,
};
