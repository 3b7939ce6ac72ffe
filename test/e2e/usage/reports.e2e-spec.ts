import type { Response } from 'supertest';
import { describe, expect, it } from 'vitest';
import { usageSplits } from '../../../src/api/usage.js';
import { limits } from '../../../src/config/limits.js';
import { Database } from '../../../src/storage/database.js';
import { addUsage, noUsage, rollUp, sumUpDays, type UsageSums } from '../../../src/usage/sums/rollup-sums.js';
import { planOf, recordStatements } from '../../support/disk/recorded-statements.js';
import { storeUsage, type StoredUsage, sumsOfHour } from '../../support/disk/stored-usage.js';
import { recordRow } from '../../support/disk/usage-rows.js';
import { DAY, FakeClock, HOUR } from '../../support/fake-clock.js';
import { TestPool } from '../../support/pool/pool.js';
import { databaseDrivers, using } from '../../support/program/database-drivers.js';

const utc = (text: string) => Date.parse(`${text}Z`);
const UNTIL = utc('2026-09-01T00:00');
const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}-${String(index).padStart(4, '0')}`);

interface Bucket extends UsageSums {
  readonly at: number;
  readonly day?: string;
  readonly accountId?: string;
  readonly model?: string;
}
interface Report {
  readonly from: number;
  readonly totals: UsageSums;
  readonly accounts: readonly { readonly accountId: string; readonly turns: number }[];
  readonly accountCount: number;
  readonly hours: readonly Bucket[];
  readonly next: string | null;
}

async function report(pool: TestPool, query: string): Promise<Report> {
  return (await pool.client.get(`/admin/usage?${query}`).expect(200)).body;
}

/** All pages of a report, newest first. */
async function pages(pool: TestPool, query: string): Promise<Report[]> {
  const found = [await report(pool, query)];
  for (
    let next = found[0]?.next ?? null;
    next !== null && found.length < 1_000;
    next = found.at(-1)?.next ?? null
  )
    found.push(await report(pool, `${query}&cursor=${next}`));
  return found;
}

/** The address in a header `Link`; null without one. */
const olderThan = (link = ''): string | null => /^<(.+)>; rel="next"$/.exec(link)?.[1] ?? null;

const together = (found: readonly Report[]) => found.toReversed().flatMap((it) => it.hours);

function sumOf(rows: readonly UsageSums[]): UsageSums {
  const sums = noUsage();
  for (const it of rows) addUsage(sums, it);
  return sums;
}

async function holding(usage: StoredUsage, driver: 'sqlite3' | 'node' | null = null): Promise<TestPool> {
  const pool = await TestPool.start({ accounts: ['a'], env: driver === null ? {} : using(driver) });
  await pool.running.app.get(Database).run(async (manager) => await storeUsage(manager, usage));
  return pool;
}

describe.each(databaseDrivers)('pages of the usage report (%s)', (driver) => {
  it('hold every hour once, the newest first, with the totals of all', async () => {
    const hours = 2 * limits.usageGroups + 505;
    await using pool = await holding({ until: UNTIL, hours, accountIds: ['x'], models: ['m'] }, driver);
    const found = await pages(pool, 'from=0');
    expect(found.map((it) => it.hours.length)).toEqual([limits.usageGroups, limits.usageGroups, 505]);
    const expected = Array.from({ length: hours }, (_, index) => ({
      at: UNTIL - (hours - index) * HOUR,
      ...sumsOfHour(index),
    }));
    expect(together(found)).toEqual(expected);
    for (const it of found) expect(it.totals).toMatchObject(sumOf(expected));
  });

  it('hold every account of every hour, however many there are', async () => {
    const accountIds = names('account', 30);
    await using pool = await holding({ until: UNTIL, hours: 400, accountIds, models: ['m'] }, driver);
    const found = await pages(pool, 'from=0&by=account');
    const all = together(found);
    expect(all).toHaveLength(12_000);
    expect(new Set(all.map((it) => `${it.at} ${it.accountId}`)).size).toBe(12_000);
    expect(found[0]?.totals).toMatchObject(sumOf(all));
    expect(all.toSorted((a, b) => a.at - b.at)).toEqual(all);
  });

  it('add up a bounded number of hourly sums, of whole days', async () => {
    const models = names('m', 50);
    const hours = Math.ceil((2.5 * limits.usagePageRollups) / models.length);
    await using pool = await holding({ until: UNTIL, hours, accountIds: ['x'], models }, driver);
    const found = await pages(pool, 'from=0&bucket=day&tz=Europe/Berlin');
    expect(found.length).toBe(3);
    const days = together(found);
    expect(new Set(days.map((it) => it.day)).size).toBe(days.length);
    expect(found[0]?.totals).toMatchObject(sumOf(days));
    // One day with more sums than a page adds up is a page of its own.
    const busy = { until: UNTIL + 400 * DAY, hours: 5, accountIds: names('y', 91), models: names('n', 90) };
    await pool.running.app.get(Database).run(async (manager) => {
      await manager.query('DELETE FROM usage_day');
      await storeUsage(manager, busy);
    });
    const more = await pages(pool, 'from=0&bucket=day&tz=UTC');
    expect(more[0]?.hours).toHaveLength(1);
    expect(more[0]?.totals).toMatchObject(sumOf(together(more)));
  });

  it('of any size, zone and split are the whole report, also where days begin within an hour', async () => {
    await using pool = await TestPool.start({ accounts: ['a'], env: using(driver) });
    const from = utc('2026-05-01T00:00');
    const records = Array.from({ length: 300 }, (_, n) =>
      Object.assign(recordRow(`turn-${n}`, from + n * 7_654_321), {
        accountId: n % 3 === 0 ? 'b' : 'a',
        model: n % 5 === 0 ? null : `m-${n % 4}`,
        input: n,
      }),
    );
    await pool.running.app.get(Database).run(async (manager) => {
      const rollups = rollUp(records);
      await manager.save(rollups, { chunk: 50 });
      await manager.save(sumUpDays(rollups), { chunk: 50 });
      await manager.insert('UsageRecord', records.slice(0, 150));
      await manager.insert('UsageRecord', records.slice(150));
    });
    const span = `from=${from + 123_456_789}&to=${from + 2_000_000_001}`;
    for (const tz of ['Asia/Kathmandu', 'Australia/Lord_Howe', 'Europe/Berlin']) {
      for (const by of ['none', 'account', 'model']) {
        for (const bucket of ['hour', 'day']) {
          const query = `${span}&tz=${tz}&by=${by}&bucket=${bucket}`;
          const whole = await report(pool, query);
          expect(whole.next).toBeNull();
          expect(whole.totals).toMatchObject(sumOf(whole.hours));
          const found = await pages(pool, `${query}&limit=13`);
          expect(together(found)).toEqual(whole.hours);
        }
      }
    }
  });

  it('name the accounts with most turns up to a bound, say how many there are, and count all', async () => {
    const accountIds = names('account', limits.usageAccounts + 5);
    await using pool = await holding({ until: UNTIL, hours: 30, accountIds, models: ['m'] }, driver);
    const { accounts, accountCount, totals } = await report(pool, 'from=0&bucket=day');
    expect(accounts).toHaveLength(limits.usageAccounts);
    expect(accountCount).toBe(limits.usageAccounts + 5);
    const ofOne = sumOf(Array.from({ length: 30 }, (_, index) => sumsOfHour(index)));
    expect(totals.turns).toBe((limits.usageAccounts + 5) * ofOne.turns);
  });
});

describe('the usage report', () => {
  it('is about the last 30 days unless it names a span', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    const today = Math.floor(clock.now() / DAY) * DAY;
    const usage = { until: today + HOUR, hours: 24 * 60 + 1, accountIds: ['x'], models: ['m'] };
    await pool.running.app.get(Database).run(async (manager) => await storeUsage(manager, usage));
    const { from, hours } = await report(pool, 'tz=UTC&bucket=day');
    expect([from, hours.length, hours[0]?.at]).toEqual([today - 30 * DAY, 31, today - 30 * DAY]);
    expect((await report(pool, 'tz=UTC&bucket=day&from=0')).hours).toHaveLength(61);
    const before = await report(pool, `tz=UTC&bucket=day&to=${today - 20 * DAY}`);
    expect([before.from, before.hours.length]).toEqual([today - 50 * DAY, 30]);
  });

  it('is not made again for a client that has it, until there are other turns', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    await pool.turn().expect(200);
    const first = await pool.client.get('/admin/usage').expect(200);
    const tag = String(first.headers['etag']);
    const statements = await recordStatements(pool);
    const again = await pool.client.get('/admin/usage').set('if-none-match', tag).expect(304);
    expect([again.text, again.headers['etag']]).toEqual(['', tag]);
    expect(statements.filter((it) => /usage_|quota_/.test(it.sql))).toEqual([]);
    await pool.client.get('/admin/usage?by=model').set('if-none-match', tag).expect(200);
    await pool.turn().expect(200);
    const later = await pool.client.get('/admin/usage').set('if-none-match', tag).expect(200);
    expect(later.body.totals.turns).toBe(2);
    clock.advance(2 * DAY);
    await pool.client.get('/admin/usage').set('if-none-match', String(later.headers['etag'])).expect(200);
  });

  it.each([
    'cursor=x',
    'cursor=',
    `cursor=${'x'.repeat(3_000)}`,
    'limit=0',
    'limit=1001',
    'limit=-1',
    'limit=1&limit=2',
  ])('refuses a bad page: %s', async (query) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    for (const path of ['/admin/usage', '/admin/accounts/a/quota']) {
      const { body } = await pool.client.get(`${path}?${query}`).expect(400);
      expect(body).toMatchObject({ status: 400, code: 'bad_query' });
    }
  });
});

describe.each(databaseDrivers)('the history of quota windows (%s)', (driver) => {
  it('is that of the newest samples, in time order, and the rest on further pages', async () => {
    await using pool = await TestPool.start({ accounts: ['a'], env: using(driver) });
    const { id } = pool.registry.list()[0] ?? { id: '' };
    const count = 2 * limits.quotaSamples + 500;
    const since = Date.now() + DAY; // later than the samples of the program's own polls
    await pool.running.app.get(Database).run(async (manager) => {
      await manager.query(
        `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${count - 1})
         INSERT INTO quota_sample (account_id, duration_seconds, seen_at, used_ratio, resets_at)
         SELECT ?, CASE WHEN i % 2 = 0 THEN 18000 ELSE 604800 END, ${since} + i / 2, i / 10000.0, NULL FROM n`,
        [id],
      );
    });
    const sizes: number[] = [];
    const found: { seenAt: number; usedRatio: number }[] = [];
    let path: string | null = `/admin/accounts/a/quota?since=${since}`;
    while (path !== null) {
      const { body, headers }: Response = await pool.client.get(path).expect(200);
      sizes.push(body.length);
      found.unshift(...body);
      path = olderThan(headers['link']);
    }
    expect(sizes).toEqual([limits.quotaSamples, limits.quotaSamples, 500]);
    expect(found.map((it) => it.usedRatio)).toEqual(Array.from({ length: count }, (_, i) => i / 10_000));
    const few = await pool.client.get('/admin/accounts/a/quota?limit=3').expect(200);
    expect(few.body.map((it: { usedRatio: number }) => it.usedRatio)).toEqual([0.2497, 0.2498, 0.2499]);
    const tag = String(few.headers['etag']);
    await pool.client.get('/admin/accounts/a/quota?limit=3').set('if-none-match', tag).expect(304);
    await pool.client.get('/admin/accounts/a/quota?limit=4').set('if-none-match', tag).expect(200);
  });
});

/** A step of a plan that reads one of the long tables. */
const onTable = /^(?:SCAN|SEARCH) (?:usage_|turn\b|quota_|q\b)/;
/** Both ends of a span are looked up, or one end of an index; only groups are sorted. */
const byIndex = new RegExp(
  [
    'usage_(?:rollup|day) USING (?:COVERING )?INDEX \\S+ \\((hour|day)>\\? AND \\1<\\?\\)$',
    'turn USING INDEX usage_record_at \\(at>\\? AND at<\\?\\)$',
    'usage_(?:rollup|record|split_hour) USING COVERING INDEX \\S+$',
    'usage_split_(hour|day) USING INDEX \\S+ \\(split=\\? AND \\2>\\? AND \\2<\\?\\)$',
    'usage_record USING INDEX usage_record_at \\(at>\\? AND at<\\?\\)$',
    'q USING INDEX quota_sample_account_id_seen_at \\(account_id=\\? AND seen_at>\\?(?: AND seen_at<\\?)?\\)$',
  ]
    .map((it) => `^SEARCH ${it}`)
    .join('|'),
);

describe.each(databaseDrivers)('every list that reads the database (%s)', (driver) => {
  it('finds its rows by an index', async () => {
    const usage = { until: UNTIL, hours: 900, accountIds: names('x', 5), models: ['m', 'n'], records: 5_000 };
    await using pool = await holding(usage, driver);
    const database = pool.running.app.get(Database);
    await database.run(async (manager) => await manager.query('ANALYZE'));
    const statements = await recordStatements(pool);
    const spans = ['', `from=${UNTIL - 20 * DAY - 12_345}&to=${UNTIL - DAY - 54_321}`, 'from=0'];
    for (const span of spans) {
      for (const by of usageSplits) {
        for (const query of [
          'bucket=hour&limit=5',
          'bucket=day&tz=Asia/Kolkata',
          'bucket=day&tz=Europe/Berlin',
        ]) {
          const { next } = await report(pool, `${span}&by=${by}&${query}`);
          if (next !== null) await report(pool, `${span}&by=${by}&${query}&cursor=${next}`);
        }
      }
    }
    for (const span of spans) {
      for (const filter of [
        'account=a',
        'model=m',
        'account=a&model=m&by=account',
        'project=p',
        'project=p&by=model',
      ])
        for (const bucket of ['bucket=hour', 'bucket=day&tz=Asia/Kolkata'])
          await report(pool, `${span}&${filter}&${bucket}`);
    }
    const cursor = Buffer.from('[9,"9"]').toString('base64url');
    for (const query of ['', 'since=5', `cursor=${cursor}`])
      await pool.client.get(`/admin/accounts/a/quota?${query}`).expect(200);
    for (const path of ['/admin/accounts', '/admin/accounts/a', '/healthz', '/']) await pool.client.get(path);
    const reads = statements.filter((it) => /^\s*(?:SELECT|WITH)/.test(it.sql));
    expect(reads.length).toBeGreaterThan(60);
    expect(reads.filter((it) => it.sql.includes('usage_record AS turn')).length).toBeGreaterThan(10);
    for (const it of reads) {
      const plan = await planOf(pool, it);
      const others = plan.filter((step) => onTable.test(step) && !byIndex.test(step));
      expect({ sql: it.sql, others }).toEqual({ sql: it.sql, others: [] });
    }
  });
});
