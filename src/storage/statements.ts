import type { EntityManager, EntityMetadata, FindManyOptions } from 'typeorm';
import { limits } from '../config/limits.js';
import { rowsOfJson } from './dialect.js';
import type { EntityClass } from './stored-table.js';

/** The treatment of a row whose key is stored: it is refused, replaces the stored one, or is added to it. */
type Conflict = 'refuse' | 'replace' | 'add';

/** The statements of each table, by kind and key. Their text does not depend on the rows. */
const statements = new WeakMap<EntityMetadata, Map<string, string>>();

/** Inserts rows, in one statement. */
export async function insertRows<Row extends object>(
  manager: EntityManager,
  entity: EntityClass<Row>,
  rows: readonly Row[],
): Promise<void> {
  await write(manager, entity, rows, [], 'refuse');
}

/** Inserts rows, in one statement. A row whose `keys` (property names) are already stored replaces the stored row. */
export async function upsertRows<Row extends object>(
  manager: EntityManager,
  entity: EntityClass<Row>,
  rows: readonly Row[],
  keys: readonly (keyof Row & string)[],
): Promise<void> {
  await write(manager, entity, rows, keys, 'replace');
}

/**
 * Adds rows of sums, in one statement: where a row with these `keys` (property names) is stored, all other columns are
 * added to it. The stored rows need not be read.
 */
export async function addRows<Row extends object>(
  manager: EntityManager,
  entity: EntityClass<Row>,
  rows: readonly Row[],
  keys: readonly (keyof Row & string)[],
): Promise<void> {
  await write(manager, entity, rows, keys, 'add');
}

async function write<Row extends object>(
  manager: EntityManager,
  entity: EntityClass<Row>,
  rows: readonly Row[],
  keys: readonly string[],
  conflict: Conflict,
): Promise<void> {
  if (rows.length === 0) return;
  const metadata = manager.connection.getMetadata(entity);
  const values = rows.map((row) => metadata.columns.map((it) => it.getEntityValue(row, true)));
  await manager.query(statementOf(metadata, keys, conflict), [JSON.stringify(values)]);
}

function statementOf(metadata: EntityMetadata, keys: readonly string[], conflict: Conflict): string {
  const known = statements.get(metadata) ?? new Map<string, string>();
  statements.set(metadata, known);
  const name = `${conflict} ${keys.join(' ')}`;
  const sql = known.get(name) ?? newStatement(metadata, keys, conflict);
  known.set(name, sql);
  return sql;
}

function newStatement(
  { columns, tablePath }: EntityMetadata,
  keys: readonly string[],
  conflict: Conflict,
): string {
  const insert = `INSERT INTO "${tablePath}" (${columns.map(quoted).join(', ')}) ${rowsOfJson(columns.length)}`;
  if (conflict === 'refuse') return insert;
  const isKey = (it: { readonly propertyName: string }) => keys.includes(it.propertyName);
  const changes = columns
    .filter((it) => !isKey(it))
    .map(quoted)
    .map((it) => `${it} = ${conflict === 'add' ? `"${tablePath}".${it} + ` : ''}excluded.${it}`);
  return `${insert} ON CONFLICT (${columns.filter(isKey).map(quoted).join(', ')}) DO UPDATE SET ${changes.join(', ')}`;
}

/**
 * Removes the rows that match, in their order, at most `limits.retentionStepRows`; returns how many. One statement with
 * few parameters: an expression per row would exceed what SQLite parses.
 */
export async function removeRows<Row extends object>(
  manager: EntityManager,
  entity: EntityClass<Row>,
  which: FindManyOptions<Row>,
): Promise<number> {
  const { tablePath, primaryColumns } = manager.connection.getMetadata(entity);
  const [matching, parameters] = manager
    .createQueryBuilder(entity, 'row')
    .setFindOptions({ ...which, take: limits.retentionStepRows })
    .select(primaryColumns.map((it) => `row.${it.propertyName}`))
    .getQueryAndParameters();
  const keys = primaryColumns.map(quoted).join(', ');
  const runner = manager.queryRunner;
  if (runner === undefined) throw new Error('rows are removed in a transaction');
  const sql = `DELETE FROM "${tablePath}" WHERE (${keys}) IN (${matching})`;
  const { affected } = await runner.query(sql, parameters, true);
  return affected ?? 0;
}

function quoted({ databaseName }: { readonly databaseName: string }): string {
  return `"${databaseName}"`;
}
