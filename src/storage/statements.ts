import type { EntityManager, FindManyOptions } from 'typeorm';
import { limits } from '../config/limits.js';
import type { EntityClass } from './stored-table.js';

/** Rows per statement: SQLite limits the number of parameters. */
const ROWS = 50;
/**
 * TypeORM would read columns with a default again after a statement, and copy them to the row objects by position: the
 * stored rows come in another order, so one account's row would take another's key.
 */
const READS_BACK = false;

export async function insertRows<Row extends object>(
  manager: EntityManager,
  entity: EntityClass<Row>,
  rows: readonly Row[],
): Promise<void> {
  for (let at = 0; at < rows.length; at += ROWS) {
    const piece = rows.slice(at, at + ROWS);
    await manager.createQueryBuilder().insert().into(entity).values(piece).updateEntity(READS_BACK).execute();
  }
}

/** Inserts rows. A row whose `keys` (property names) are already stored replaces the stored row. */
export async function upsertRows<Row extends object>(
  manager: EntityManager,
  entity: EntityClass<Row>,
  rows: readonly Row[],
  keys: readonly (keyof Row & string)[],
): Promise<void> {
  const { columns } = manager.connection.getMetadata(entity);
  const isKey = new Set<string>(keys);
  const keyColumns = columns.filter((it) => isKey.has(it.propertyName)).map((it) => it.databaseName);
  const others = columns.filter((it) => !isKey.has(it.propertyName)).map((it) => it.databaseName);
  for (let at = 0; at < rows.length; at += ROWS) {
    const piece = rows.slice(at, at + ROWS);
    await manager
      .createQueryBuilder()
      .insert()
      .into(entity)
      .values(piece)
      .orUpdate(others, keyColumns)
      .updateEntity(READS_BACK)
      .execute();
  }
}

/**
 * Adds rows of sums: where a row with these `keys` (property names) is stored, all other columns are added to it. One
 * statement needs no look at the stored rows.
 */
export async function addRows<Row extends object>(
  manager: EntityManager,
  entity: EntityClass<Row>,
  rows: readonly Row[],
  keys: readonly (keyof Row & string)[],
): Promise<void> {
  const { columns, tablePath } = manager.connection.getMetadata(entity);
  const isKey = new Set<string>(keys);
  const sums = columns.filter((it) => !isKey.has(it.propertyName)).map(quoted);
  const keyColumns = columns.filter((it) => isKey.has(it.propertyName)).map(quoted);
  for (let at = 0; at < rows.length; at += ROWS) {
    const piece = rows.slice(at, at + ROWS);
    const values = piece.map(() => `(${columns.map(() => '?').join(', ')})`);
    await manager.query(
      `INSERT INTO "${tablePath}" (${columns.map(quoted).join(', ')}) VALUES ${values.join(', ')}
       ON CONFLICT (${keyColumns.join(', ')})
       DO UPDATE SET ${sums.map((it) => `${it} = "${tablePath}".${it} + excluded.${it}`).join(', ')}`,
      piece.flatMap((row) => columns.map((it) => it.getEntityValue(row, true))),
    );
  }
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
  const [counted]: { count: number | string }[] = await manager.query(
    `SELECT COUNT(*) AS "count" FROM (${matching}) AS "matching"`,
    parameters,
  );
  const count = Number(counted?.count ?? 0);
  if (count === 0) return 0;
  const keys = primaryColumns.map((it) => `"${it.databaseName}"`).join(', ');
  await manager.query(`DELETE FROM "${tablePath}" WHERE (${keys}) IN (${matching})`, parameters);
  return count;
}

function quoted({ databaseName }: { readonly databaseName: string }): string {
  return `"${databaseName}"`;
}
