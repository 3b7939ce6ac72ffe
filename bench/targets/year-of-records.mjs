import { DatabaseSync } from 'node:sqlite';
import { storeUsage } from '../../test/support/disk/stored-usage.ts';

const HOUR = 3_600_000;

/** Fills the database of a program that has run once: a year of hourly sums, and the turns of the last 30 days. */
export async function storeYearOfRecords(path, ownIds) {
  const database = new DatabaseSync(path);
  try {
    // The program has served a turn; its sums would be in the way.
    database.exec('DELETE FROM usage_record; DELETE FROM usage_rollup; DELETE FROM usage_day');
    const former = Array.from({ length: 7 }, (_, index) => `acct-former:user-${index}`);
    await storeUsage(
      { query: (sql) => Promise.resolve(database.exec(sql)) },
      {
        until: Math.floor(Date.now() / HOUR) * HOUR,
        hours: 365 * 24,
        accountIds: [...ownIds, ...former],
        models: ['gpt-5.5', 'gpt-5.5-mini', 'codex-auto'],
        records: 1_000_000,
        recordDays: 29, // the program deletes older ones
      },
    );
  } finally {
    database.close();
  }
}
