import { type MigrationInterface, type QueryRunner, TableColumn } from 'typeorm';

/** Which account a session was with before it moved. */
export class FormerAccount1795400000000 implements MigrationInterface {
  readonly name = 'FormerAccount1795400000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.addColumn(
      'session_affinity',
      new TableColumn({ name: 'former_id', type: 'varchar', length: '200', isNullable: true }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumn('session_affinity', 'former_id');
  }
}
