import type { Logger } from 'typeorm';
import { Database } from '../../../src/storage/database.js';
import type { TestPool } from '../pool/pool.js';

/** A statement that reached the database. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

const ignore = () => undefined;

/** Records every statement of a running program, until its database is opened again. */
export async function recordStatements(pool: TestPool): Promise<Statement[]> {
  const statements: Statement[] = [];
  const logger: Logger = {
    logQuery: (sql, parameters = []) => void statements.push({ sql, parameters }),
    logQueryError: ignore,
    logQuerySlow: ignore,
    logSchemaBuild: ignore,
    logMigration: ignore,
    log: ignore,
  };
  await pool.running.app
    .get(Database)
    .read(async (manager) => void Reflect.set(manager.connection, 'logger', logger));
  return statements;
}

/** The steps of SQLite's plan for a statement. */
export async function planOf(pool: TestPool, { sql, parameters }: Statement): Promise<string[]> {
  const rows = await pool.running.app
    .get(Database)
    .read(
      async (manager) =>
        await manager.query<{ detail: string }[]>(`EXPLAIN QUERY PLAN ${sql}`, [...parameters]),
    );
  return rows.map((it) => it.detail);
}
