import type { StoredTable } from './stored-table.js';

/** The waiting rows of one table, oldest first, with a bound. */
export class RowQueue {
  /** By the table's key; a row of a table without keys is its own key. */
  private readonly rows = new Map<unknown, object>();

  constructor(
    readonly table: StoredTable,
    private readonly onLoss: (kind: string) => void,
  ) {}

  get size(): number {
    return this.rows.size;
  }

  /** Adds a row, replacing any older row with the same key. If the bound is exceeded, drops the oldest row. */
  add(row: object): void {
    const key = this.keyOf(row);
    this.rows.delete(key);
    this.rows.set(key, row);
    if (this.rows.size <= this.table.bound) return;
    const oldest = this.rows.keys().next();
    if (oldest.done === true) return;
    this.rows.delete(oldest.value);
    this.onLoss(this.table.kind);
  }

  /** Returns the oldest rows, at most `count`, without removing them. */
  first(count: number): object[] {
    const oldest: object[] = [];
    for (const row of this.rows.values()) {
      if (oldest.length >= count) break;
      oldest.push(row);
    }
    return oldest;
  }

  /** Removes rows that are still waiting. A newer row with the same key stays. */
  remove(rows: readonly object[]): void {
    for (const row of rows) {
      const key = this.keyOf(row);
      if (this.rows.get(key) === row) this.rows.delete(key);
    }
  }

  private keyOf(row: object): unknown {
    return this.table.keyOf === undefined ? row : this.table.keyOf(row);
  }
}
