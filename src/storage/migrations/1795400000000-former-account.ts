import { type MigrationInterface, type QueryRunner, TableColumn } from 'typeorm';

/** Adds the previous account of a session, and whether other accounts served parts of it. */
export class FormerAccount1795400000000 implements MigrationInterface {
  readonly name = 'FormerAccount1795400000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.addColumn(
      'session_affinity',
      new TableColumn({ name: 'former_id', type: 'varchar', length: '200', isNullable: true }),
    );
    await runner.addColumn(
      'session_affinity',
      new TableColumn({ name: 'been_elsewhere', type: 'boolean', default: false }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumn('session_affinity', 'been_elsewhere');
    await runner.dropColumn('session_affinity', 'former_id');
  }
}
