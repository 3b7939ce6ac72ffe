import { type MigrationInterface, type QueryRunner, TableColumn } from 'typeorm';

/** Adds the time at which the pause of an account ends by itself. */
export class PausedUntil1796300000000 implements MigrationInterface {
  readonly name = 'PausedUntil1796300000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.addColumn(
      'account_settings',
      new TableColumn({ name: 'paused_until', type: 'bigint', isNullable: true }),
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropColumn('account_settings', 'paused_until');
  }
}
