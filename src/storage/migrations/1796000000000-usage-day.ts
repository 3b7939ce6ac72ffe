import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

const counts = ['turns', 'input', 'cached', 'output', 'reasoning'];

/** Creates the daily sums from the hourly ones, and an index for the history of an account's quota. */
export class UsageDay1796000000000 implements MigrationInterface {
  readonly name = 'UsageDay1796000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'usage_day',
        columns: [
          { name: 'day', type: 'bigint', isPrimary: true },
          { name: 'account_id', type: 'varchar', length: '200', isPrimary: true },
          ...counts.map((name) => ({ name, type: 'bigint' })),
        ],
      }),
    );
    await runner.query(
      `INSERT INTO usage_day (day, account_id, ${counts.join(', ')})
       SELECT hour / 86400000 * 86400000, account_id, ${counts.map((it) => `SUM(${it})`).join(', ')}
       FROM usage_rollup GROUP BY 1, 2`,
    );
    await runner.createIndex(
      'quota_sample',
      new TableIndex({ name: 'quota_sample_account_id_seen_at', columnNames: ['account_id', 'seen_at'] }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropIndex('quota_sample', 'quota_sample_account_id_seen_at');
    await runner.dropTable('usage_day');
  }
}
