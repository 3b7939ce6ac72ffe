import { type MigrationInterface, type QueryRunner, Table, TableIndex } from 'typeorm';

const SUMS = ['turns', 'input', 'cached', 'output', 'reasoning'];
const summed = SUMS.map((it) => `SUM(${it})`).join(', ');
const negative = SUMS.map((it) => `-${it}`).join(', ');
/** As version 0.1 counts turns. */
const OF_RECORD = `CASE WHEN outcome <> 'failed' AND status >= 200 AND status < 300 THEN 1 ELSE 0 END AS turns,
  input, cached, output, reasoning`;
/** Columns that a record of an older version names. The others were not recorded. */
const recorded = { session: 'session', effort: 'effort', project: null, 'front-end': null } as const;

const recordColumns = {
  thread: 'varchar(64)',
  project: 'varchar(22)',
  front_end: 'varchar(60)',
  route: 'varchar(20)',
  moved_from: 'varchar(200)',
  decided_by: 'varchar(40)',
  last_outcome: 'varchar(40)',
  first_refusal: 'varchar(120)',
  accounts_tried: 'integer NOT NULL DEFAULT 1',
} as const;
const sumColumns = ['resent', 'failovers'] as const;

/**
 * Adds to each turn what decided, and creates sums by project, session, effort and front end. Adds columns by plain SQL:
 * TypeORM would copy the tables.
 */
export class UsageSplit1796200000000 implements MigrationInterface {
  readonly name = 'UsageSplit1796200000000';

  async up(runner: QueryRunner): Promise<void> {
    for (const [name, type] of Object.entries(recordColumns))
      await runner.query(`ALTER TABLE usage_record ADD COLUMN ${name} ${type}`);
    for (const table of ['usage_rollup', 'usage_day']) {
      for (const name of sumColumns)
        await runner.query(`ALTER TABLE ${table} ADD COLUMN ${name} bigint NOT NULL DEFAULT 0`);
    }
    for (const start of ['hour', 'day'] as const) await runner.createTable(splitTable(start));
    await runner.createIndex(
      'usage_split_hour',
      new TableIndex({ name: 'usage_split_hour_hour', columnNames: ['hour'] }),
    );
    await this.fillAccounts(runner);
    for (const [split, column] of Object.entries(recorded)) await this.fill(runner, split, column);
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const start of ['hour', 'day']) await runner.dropTable(`usage_split_${start}`);
    for (const table of ['usage_rollup', 'usage_day']) {
      for (const name of sumColumns) await runner.query(`ALTER TABLE ${table} DROP COLUMN ${name}`);
    }
    for (const name of Object.keys(recordColumns))
      await runner.query(`ALTER TABLE usage_record DROP COLUMN ${name}`);
  }

  private async fillAccounts(runner: QueryRunner): Promise<void> {
    await runner.query(
      `INSERT INTO usage_split_day (day, split, split_key, model, ${SUMS.join(', ')})
       SELECT hour / 86400000 * 86400000, 'account', account_id, model, ${summed}
       FROM usage_rollup GROUP BY 1, 3, 4`,
    );
  }

  /** Fills in the sums of the records, and adds the rest of each time without a key, so that they make up all usage. */
  private async fill(runner: QueryRunner, split: string, column: string | null): Promise<void> {
    const into = (start: string) =>
      `INSERT INTO usage_split_${start} (${start}, split, split_key, model, ${SUMS.join(', ')})`;
    if (column !== null) {
      for (const [start, ms] of [
        ['hour', 3_600_000],
        ['day', 86_400_000],
      ] as const) {
        await runner.query(
          `${into(start)}
           SELECT start, '${split}', split_key, model, ${summed} FROM (
             SELECT at / ${ms} * ${ms} AS start, COALESCE(${column}, '') AS split_key,
               COALESCE(model, '') AS model, ${OF_RECORD} FROM usage_record
           ) AS turn GROUP BY start, split_key, model`,
        );
      }
    } else {
      await runner.query(
        `${into('hour')}
         SELECT hour, '${split}', '', model, ${summed} FROM usage_rollup
         WHERE hour >= (SELECT MIN(at) FROM usage_record) GROUP BY hour, model`,
      );
    }
    await runner.query(
      `${into('day')}
       SELECT day, '${split}', '', model, ${summed} FROM (
         SELECT day, model, ${SUMS.join(', ')} FROM usage_split_day WHERE split = 'account'
         UNION ALL SELECT day, model, ${negative} FROM usage_split_day WHERE split = '${split}'
       ) AS rest GROUP BY day, model HAVING ${SUMS.map((it) => `SUM(${it}) <> 0`).join(' OR ')}
       ON CONFLICT (split, day, split_key, model) DO UPDATE SET
         ${SUMS.map((it) => `${it} = usage_split_day.${it} + excluded.${it}`).join(', ')}`,
    );
  }
}

/** The primary key begins with the split, so that a report reads the rows of one split only. */
function splitTable(start: 'hour' | 'day'): Table {
  return new Table({
    name: `usage_split_${start}`,
    columns: [
      { name: 'split', type: 'varchar', length: '20', isPrimary: true },
      { name: start, type: 'bigint', isPrimary: true },
      { name: 'split_key', type: 'varchar', length: '200', isPrimary: true },
      { name: 'model', type: 'varchar', length: '100', isPrimary: true },
      ...SUMS.map((name) => ({ name, type: 'bigint' })),
      ...sumColumns.map((name) => ({ name, type: 'bigint', default: 0 })),
    ],
  });
}
