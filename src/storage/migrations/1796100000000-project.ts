import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

/** Creates the table of project names. */
export class Project1796100000000 implements MigrationInterface {
  readonly name = 'Project1796100000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'project',
        columns: [
          { name: 'hash', type: 'varchar', length: '22', isPrimary: true },
          { name: 'name', type: 'varchar', length: '60' },
          { name: 'salt', type: 'varchar', length: '43' },
          { name: 'seen_at', type: 'bigint' },
        ],
      }),
    );
    await runner.createIndex(
      'project',
      new TableIndex({ name: 'project_seen_at', columnNames: ['seen_at'] }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('project');
  }
}
