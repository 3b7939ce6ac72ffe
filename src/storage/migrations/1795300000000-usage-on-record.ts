import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

const account = { name: 'account_id', type: 'varchar', length: '200' } as const;
const counts = ['input', 'cached', 'output', 'reasoning'].map((name) => ({ name, type: 'bigint' }));

/** Creates the first tables, with standard types. */
export class UsageOnRecord1795300000000 implements MigrationInterface {
  readonly name = 'UsageOnRecord1795300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'usage_record',
        columns: [
          { name: 'id', type: 'varchar', length: '36', isPrimary: true },
          { name: 'at', type: 'bigint' },
          account,
          { name: 'session', type: 'varchar', length: '64', isNullable: true },
          { name: 'model', type: 'varchar', length: '100', isNullable: true },
          { name: 'effort', type: 'varchar', length: '20', isNullable: true },
          { name: 'status', type: 'integer', isNullable: true },
          { name: 'outcome', type: 'varchar', length: '40' },
          { name: 'attempts', type: 'integer' },
          ...counts,
          { name: 'first_byte_ms', type: 'integer', isNullable: true },
          { name: 'total_ms', type: 'integer' },
          { name: 'bytes', type: 'bigint' },
        ],
      }),
    );
    await runner.createIndex(
      'usage_record',
      new TableIndex({ name: 'usage_record_at', columnNames: ['at'] }),
    );
    await runner.createTable(
      new Table({
        name: 'usage_rollup',
        columns: [
          { name: 'hour', type: 'bigint', isPrimary: true },
          { ...account, isPrimary: true },
          { name: 'model', type: 'varchar', length: '100', isPrimary: true },
          { name: 'turns', type: 'bigint' },
          ...counts,
        ],
      }),
    );
    await runner.createTable(
      new Table({
        name: 'quota_sample',
        columns: [
          { ...account, isPrimary: true },
          { name: 'duration_seconds', type: 'integer', isPrimary: true },
          { name: 'seen_at', type: 'bigint', isPrimary: true },
          { name: 'used_ratio', type: 'double precision' },
          { name: 'resets_at', type: 'bigint', isNullable: true },
        ],
      }),
    );
    await runner.createTable(
      new Table({
        name: 'session_affinity',
        columns: [
          { name: 'session', type: 'varchar', length: '64', isPrimary: true },
          account,
          { name: 'used_at', type: 'bigint' },
        ],
      }),
    );
    await runner.createIndex(
      'session_affinity',
      new TableIndex({ name: 'session_affinity_used_at', columnNames: ['used_at'] }),
    );
    await runner.createTable(
      new Table({
        name: 'account_settings',
        columns: [
          { ...account, isPrimary: true },
          { name: 'is_paused', type: 'boolean' },
          { name: 'label', type: 'varchar', length: '200', isNullable: true },
          { name: 'priority', type: 'integer' },
          { name: 'reserve_ratio', type: 'double precision' },
          { name: 'max_in_flight', type: 'integer', isNullable: true },
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of [
      'account_settings',
      'session_affinity',
      'quota_sample',
      'usage_rollup',
      'usage_record',
    ]) {
      await runner.dropTable(table);
    }
  }
}
