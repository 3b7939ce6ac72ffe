import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

/** Creates the table of pinned responses and files. */
export class Ownership1795420000000 implements MigrationInterface {
  readonly name = 'Ownership1795420000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'owned_value',
        columns: [
          { name: 'kind', type: 'varchar', length: '20', isPrimary: true },
          { name: 'hash', type: 'varchar', length: '64', isPrimary: true },
          { name: 'account_id', type: 'varchar', length: '200' },
          { name: 'seen_at', type: 'bigint' },
        ],
      }),
    );
    await runner.createIndex(
      'owned_value',
      new TableIndex({ name: 'owned_value_kind_seen_at', columnNames: ['kind', 'seen_at'] }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('owned_value');
  }
}
