import { type MigrationInterface, type QueryRunner, TableColumn } from 'typeorm';

/** Adds the setting that decides whether an account's credits may be used. */
export class CreditsSetting1795800000000 implements MigrationInterface {
  readonly name = 'CreditsSetting1795800000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.addColumn(
      'account_settings',
      new TableColumn({ name: 'credits', type: 'varchar', length: '20', default: "'last'" }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumn('account_settings', 'credits');
  }
}
