import { type MigrationInterface, type QueryRunner, Table } from 'typeorm';

/** Creates the table of settings that the operator has changed at run time. */
export class RuntimeSetting1796400000000 implements MigrationInterface {
  readonly name = 'RuntimeSetting1796400000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.createTable(
      new Table({
        name: 'runtime_setting',
        columns: [
          { name: 'name', type: 'varchar', length: '40', isPrimary: true },
          { name: 'value', type: 'varchar', length: '4000', isNullable: true },
        ],
      }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('runtime_setting');
  }
}
