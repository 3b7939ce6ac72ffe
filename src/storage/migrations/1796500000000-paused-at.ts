import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Adds the time at which an account was paused; unknown for pauses of older versions. By plain SQL: no table is copied. */
export class PausedAt1796500000000 implements MigrationInterface {
  readonly name = 'PausedAt1796500000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE account_settings ADD COLUMN paused_at bigint');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE account_settings DROP COLUMN paused_at');
  }
}
