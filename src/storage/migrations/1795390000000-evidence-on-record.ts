import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

/** Creates the table of account evidence, with standard types. */
export class EvidenceOnRecord1795390000000 implements MigrationInterface {
  readonly name = 'EvidenceOnRecord1795390000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'account_evidence',
        columns: [
          { name: 'account_id', type: 'varchar', length: '200', isPrimary: true },
          { name: 'updated_at', type: 'bigint' },
          { name: 'evidence', type: 'text' },
        ],
      }),
    );
    await runner.createIndex(
      'account_evidence',
      new TableIndex({ name: 'account_evidence_updated_at', columnNames: ['updated_at'] }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('account_evidence');
  }
}
