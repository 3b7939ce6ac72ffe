import { limits } from '../config/limits.js';
import { RowQueue } from './row-queue.js';
import type { StoredTable } from './stored-table.js';

/** Rows that are written together, in the order of the tables. */
export type WriteBatch = readonly { readonly table: StoredTable; readonly rows: readonly object[] }[];

/** Splits a batch in two halves, in its order; null if it has only one row. */
export function halvesOf(batch: WriteBatch): readonly [WriteBatch, WriteBatch] | null {
  const size = batch.reduce((sum, { rows }) => sum + rows.length, 0);
  if (size < 2) return null;
  return [part(batch, 0, size >> 1), part(batch, size >> 1, size)];
}

/** The rows of a batch from one position to another (exclusive), counted over all tables. */
function part(batch: WriteBatch, from: number, to: number): WriteBatch {
  let start = 0;
  return batch.flatMap(({ table, rows }) => {
    const [first, last] = [from - start, to - start];
    start += rows.length;
    const kept = rows.slice(Math.max(0, first), Math.max(0, last));
    return kept.length === 0 ? [] : [{ table, rows: kept }];
  });
}

/** All rows that wait in memory to be written. Each table has its own bound. */
export class WriteBehindQueue {
  private readonly queues: ReadonlyMap<StoredTable, RowQueue>;

  /** `onLoss` is called with the table's `kind` for each row that is dropped. */
  constructor(tables: readonly StoredTable[], onLoss: (kind: string) => void) {
    this.queues = new Map(tables.map((it) => [it, new RowQueue(it, onLoss)]));
  }

  get size(): number {
    let size = 0;
    for (const it of this.queues.values()) size += it.size;
    return size;
  }

  add(table: StoredTable, row: object): void {
    const queue = this.queues.get(table);
    if (queue === undefined) throw new Error(`the table of ${table.kind} rows is not registered`);
    queue.add(row);
  }

  /** Returns the oldest rows of each table, as many as fit into one transaction. They stay in the queue. */
  batch(): WriteBatch {
    return [...this.queues.values()]
      .filter((it) => it.size > 0)
      .map((it) => ({ table: it.table, rows: it.first(limits.writeBatch) }));
  }

  /** Removes the rows of a written batch, except those that were replaced meanwhile. */
  remove(batch: WriteBatch): void {
    for (const { table, rows } of batch) this.queues.get(table)?.remove(rows);
  }
}
