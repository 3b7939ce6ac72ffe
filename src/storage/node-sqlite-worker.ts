import { parentPort } from 'node:worker_threads';
import type { DatabaseSync, SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';

/**
 * The thread of one connection to Node's own SQLite, whose calls block. Requests run one at a time, in order of
 * arrival. Node runs this file directly, even from source: it may contain only syntax that type stripping
 * supports, and may import only types from our other files.
 */

export type Request = { readonly id: number } & (
  | { readonly kind: 'open'; readonly path: string; readonly readOnly: boolean }
  | { readonly kind: 'run' | 'all'; readonly sql: string; readonly values: readonly SQLInputValue[] }
  | { readonly kind: 'close' }
);

export type Row = Record<string, number | string | Uint8Array | null>;

/** `code` is the one that `sqlite3` would report, such as `SQLITE_BUSY`. Other errors keep their code. */
export interface Fault {
  readonly message: string;
  readonly code: string;
  readonly errno: number;
}

export type Reply = { readonly id: number } & (
  | { readonly kind: 'fault'; readonly fault: Fault }
  | {
      readonly kind: 'done';
      readonly rows: readonly Row[];
      readonly changes: number;
      readonly lastID: number;
    }
);

/** The initial value of `sqlite3`, until a pragma changes it, ms. */
const BUSY_TIMEOUT_MS = 1_000;

const KEPT_STATEMENTS = 50;

/** The primary result codes, by number: https://sqlite.org/rescode.html */
const codes =
  'OK ERROR INTERNAL PERM ABORT BUSY LOCKED NOMEM READONLY INTERRUPT IOERR CORRUPT NOTFOUND FULL CANTOPEN PROTOCOL EMPTY SCHEMA TOOBIG CONSTRAINT MISMATCH MISUSE NOLFS AUTH FORMAT RANGE NOTADB'.split(
    ' ',
  );

const nothing = { kind: 'done', rows: [], changes: 0, lastID: 0 } as const;

const port = parentPort;
if (port === null) throw new Error('this file must run as a worker');
silenceSqliteWarning();
const sqlite = await import('node:sqlite');
let database: DatabaseSync | null = null;
const prepared = new Map<string, StatementSync>();

port.on('message', (request: Request) => {
  let reply: Reply;
  try {
    reply = { id: request.id, ...perform(request) };
  } catch (error) {
    reply = { id: request.id, kind: 'fault', fault: faultOf(error) };
  }
  port.postMessage(reply);
  if (request.kind === 'close' && database === null) port.close();
});

function perform(request: Request) {
  switch (request.kind) {
    case 'open':
      database = new sqlite.DatabaseSync(request.path, {
        readOnly: request.readOnly,
        timeout: BUSY_TIMEOUT_MS,
        enableDoubleQuotedStringLiterals: true, // as in the build of `sqlite3`
      });
      return nothing;
    case 'run':
    case 'all':
      return execute(request.kind, request.sql, request.values);
    case 'close':
      prepared.clear();
      database?.close();
      database = null;
      return nothing;
    default:
      return request satisfies never;
  }
}

function execute(kind: 'run' | 'all', sql: string, values: readonly SQLInputValue[]) {
  if (database === null) throw new Error('the database is not open');
  const statement = prepared.get(sql) ?? database.prepare(sql);
  keep(sql, statement);
  // Without this, an integer above 2^53 is an error; `sqlite3` rounds it.
  statement.setReadBigInts(true);
  if (kind === 'all') return { ...nothing, rows: statement.all(...values).map((it) => rowOf(it)) };
  const { changes, lastInsertRowid } = statement.run(...values);
  return { ...nothing, changes: Number(changes), lastID: Number(lastInsertRowid) };
}

/** Keeps the statements used last: most texts come again. */
function keep(sql: string, statement: StatementSync): void {
  prepared.delete(sql);
  prepared.set(sql, statement);
  if (prepared.size <= KEPT_STATEMENTS) return;
  const [oldest] = prepared.keys();
  if (oldest !== undefined) prepared.delete(oldest);
}

function rowOf(row: Record<string, SQLOutputValue>): Row {
  const entries = Object.entries(row);
  return Object.fromEntries(entries.map(([name, it]) => [name, typeof it === 'bigint' ? Number(it) : it]));
}

/** Converts a Node error. Its `errcode` is SQLite's extended result code; the lowest byte is the primary code. */
function faultOf(error: unknown): Fault {
  const message = error instanceof Error ? error.message : String(error);
  const fields: object = error instanceof Error ? error : {};
  if ('errcode' in fields && typeof fields.errcode === 'number') {
    const errno = fields.errcode & 0xff;
    const code = `SQLITE_${codes[errno] ?? 'ERROR'}`;
    return { message: `${code}: ${message}`, code, errno };
  }
  const code = 'code' in fields && typeof fields.code === 'string' ? fields.code : 'SQLITE_MISUSE';
  return { message: `${code}: ${message}`, code, errno: codes.indexOf('MISUSE') };
}

/** Drops Node's warning that its SQLite is experimental: this program tests it. */
function silenceSqliteWarning(): void {
  const emit: (...args: never[]) => void = process.emitWarning.bind(process);
  process.emitWarning = (...args: unknown[]) => {
    const [warning, type] = args;
    if (type === 'ExperimentalWarning' && String(warning).startsWith('SQLite ')) return;
    Reflect.apply(emit, null, args);
  };
}
