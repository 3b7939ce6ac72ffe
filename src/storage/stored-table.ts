import type { EntityManager } from 'typeorm';
import type { AppConfig } from '../config/app.config.js';

/** Injection token of the `StoredTable[]` of all modules; in a batch their rows are written in this order. */
export const STORED_TABLES = Symbol('StoredTables');

export type EntityClass<Row extends object = object> = new () => Row;

/** Describes how the rows of a table wait, are written and are removed. Defined by the module that fills the table. */
export interface StoredTable<Row extends object = object> {
  /** Label `kind` of the metric of dropped rows. */
  readonly kind: string;
  /** The table's entity, and the entities that `write` maintains along with it. */
  readonly entities: readonly EntityClass[];
  /** Maximum number of waiting rows. Above it the oldest is dropped and counted. */
  readonly bound: number;
  /** A waiting row is replaced by a newer one with the same key. Without this method every row is written. */
  keyOf?(row: Row): string;
  /** Writes rows in the transaction of `manager`. */
  write(manager: EntityManager, rows: readonly Row[]): Promise<void>;
  /** Removes a limited number of outdated rows, in the transaction of `manager`; returns how many. */
  removeOutdated?(manager: EntityManager, now: number, config: AppConfig): Promise<number>;
}
