import { type DynamicModule, Module } from '@nestjs/common';
import { Database } from './database.js';
import { RetentionCron } from './retention.cron.js';
import { STORED_TABLES, type StoredTable } from './stored-table.js';
import { WriteBehind } from './write-behind.js';

/** The database and its only writer. Global, so that Nest stops it after every module that may still enqueue rows. */
@Module({})
export class StorageModule {
  static register(tables: readonly StoredTable[]): DynamicModule {
    return {
      module: StorageModule,
      global: true,
      providers: [{ provide: STORED_TABLES, useValue: tables }, Database, WriteBehind, RetentionCron],
      exports: [Database, WriteBehind, RetentionCron],
    };
  }
}
