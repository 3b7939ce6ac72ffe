import { type MigrationInterface, type QueryRunner, TableIndex } from 'typeorm';

/** An index for the retention of quota samples. */
export class QuotaSampleSeenAt1795900000000 implements MigrationInterface {
  readonly name = 'QuotaSampleSeenAt1795900000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createIndex(
      'quota_sample',
      new TableIndex({ name: 'quota_sample_seen_at', columnNames: ['seen_at'] }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropIndex('quota_sample', 'quota_sample_seen_at');
  }
}
