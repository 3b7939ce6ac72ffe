import type { EntityManager } from 'typeorm';

/** The amount of usage to store. Times are epoch ms. */
export interface StoredUsage {
  /** End (exclusive) of the hourly sums and the records; a full hour. */
  readonly until: number;
  /** Number of hours with sums, each with a row per account and model. */
  readonly hours: number;
  readonly accountIds: readonly string[];
  readonly models: readonly string[];
  /** Number of turns, spread evenly over the last `recordDays`. */
  readonly records?: number;
  readonly recordDays?: number;
  /** Whether there are also sums by account, project, session, effort and front end. */
  readonly hasSplits?: boolean;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** Sums of one row: those of `hour` differ from those of its neighbours, so that a lost or doubled hour shows. */
export const sumsOfHour = (index: number) => ({
  turns: 1 + (index % 7),
  input: 1_000 + index,
  cached: 500 + (index % 11),
  output: 50 + (index % 13),
  reasoning: 20 + (index % 5),
});

/** Stores sums of hours and days, and turns, within SQLite: a million rows take seconds. The two do not match. */
export async function storeUsage(manager: EntityManager, usage: StoredUsage): Promise<void> {
  const { until, hours, accountIds, models, records = 0, recordDays = 30 } = usage;
  const first = until - hours * HOUR;
  await manager.query(
    `WITH RECURSIVE ${counter('hours', hours)}, ${texts('accounts', accountIds)}, ${texts('models', models)}
     INSERT INTO usage_rollup (hour, account_id, model, turns, input, cached, output, reasoning)
     SELECT ${first} + i * ${HOUR}, accounts.text, models.text,
       1 + i % 7, 1000 + i, 500 + i % 11, 50 + i % 13, 20 + i % 5 FROM hours, accounts, models`,
  );
  await manager.query(
    `INSERT INTO usage_day (day, account_id, turns, input, cached, output, reasoning)
     SELECT hour / ${DAY} * ${DAY}, account_id, SUM(turns), SUM(input), SUM(cached), SUM(output), SUM(reasoning)
     FROM usage_rollup GROUP BY 1, 2`,
  );
  if (usage.hasSplits === true) await storeSplits(manager, usage);
  if (records === 0) return;
  const span = recordDays * DAY;
  await manager.query(
    `WITH RECURSIVE ${counter('turns', records)}, ${texts('accounts', accountIds)}, ${texts('models', models)}
     INSERT INTO usage_record (id, at, account_id, session, model, effort, status, outcome, attempts,
       input, cached, output, reasoning, first_byte_ms, total_ms, bytes)
     SELECT printf('%08x-0000-4000-8000-%012x', i * 2654435761 % 4294967296, i),
       ${until - span} + i * ${span} / ${records}, accounts.text,
       printf('%064x', i % 5000), models.text, 'medium', CASE WHEN i % 50 = 0 THEN 429 ELSE 200 END, 'complete', 1,
       1000 + i % 1000, 500, 50 + i % 13, 20, 300, 5000, 90000
     FROM turns
     JOIN accounts ON accounts.number = i % ${accountIds.length}
     JOIN models ON models.number = i % ${models.length}`,
  );
}

/** Parts of each split in an hour, and in a day. New sessions begin every day; old days are not split by them. */
const parts = { project: [10, 20], session: [40, 150], effort: [4, 4], 'front-end': [3, 3] } as const;

/** Stores the sums of splits: of days for all hours, and of hours for the days that have turns. */
async function storeSplits(manager: EntityManager, usage: StoredUsage): Promise<void> {
  const { until, hours, models, recordDays = 0 } = usage;
  const sums = '1 + i % 7, 1000 + i, 500 + i % 11, 50 + i % 13, 20 + i % 5';
  await manager.query(
    `INSERT INTO usage_split_day (day, split, split_key, model, turns, input, cached, output, reasoning)
     SELECT hour / ${DAY} * ${DAY}, 'account', account_id, model, SUM(turns), SUM(input), SUM(cached), SUM(output),
       SUM(reasoning) FROM usage_rollup GROUP BY 1, 3, 4`,
  );
  for (const [split, [perHour, perDay]] of Object.entries(parts)) {
    const key = (begin: string) =>
      split === 'session' ? `'s-' || ((${begin}) / ${DAY} * 1000 + part.i)` : `'${split}-' || part.i`;
    for (const [table, step, count, each] of [
      ['day', DAY, split === 'session' ? recordDays + 1 : Math.ceil((hours * HOUR) / DAY), perDay],
      ['hour', HOUR, recordDays * 24, perHour],
    ] as const) {
      const start = `${Math.floor(until / step) * step - step * (count - 1)} + time.i * ${step}`;
      await manager.query(
        `WITH RECURSIVE ${counter('time', count)}, ${counter('part', each)}, ${texts('models', models)}
         INSERT INTO usage_split_${table} (${table}, split, split_key, model, turns, input, cached, output, reasoning)
         SELECT ${start}, '${split}', ${key(start)}, models.text, ${sums.replaceAll('i', 'part.i')}
         FROM time, part JOIN models ON ${split === 'session' ? `models.number = part.i % ${models.length}` : 'true'}`,
      );
    }
  }
}

/** A table of the numbers from 0 (column `i`). */
function counter(name: string, count: number): string {
  return `${name}(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM ${name} WHERE i < ${count - 1})`;
}

/** A table of texts with their numbers. */
function texts(name: string, values: readonly string[]): string {
  const rows = values.map((it, index) => `(${index}, '${it.replaceAll("'", "''")}')`);
  return `${name}(number, text) AS (VALUES ${rows.join(', ')})`;
}
