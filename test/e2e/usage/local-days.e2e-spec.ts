import { describe, expect, it } from 'vitest';
import { Database } from '../../../src/storage/database.js';
import { rollUp, sumUpDays } from '../../../src/usage/sums/rollup-sums.js';
import { UsageRecord } from '../../../src/usage/sums/usage-record.entity.js';
import { UsageRollup } from '../../../src/usage/sums/usage-rollup.entity.js';
import { databaseDrivers, using } from '../../support/program/database-drivers.js';
import { TestPool } from '../../support/pool/pool.js';

const HOUR = 3_600_000;
const utc = (text: string) => Date.parse(`${text}Z`);
const one = { turns: 1, input: 10, cached: 4, output: 3, reasoning: 1 };
const times = (n: number) => ({ turns: n, input: 10 * n, cached: 4 * n, output: 3 * n, reasoning: n });

interface Bucket {
  readonly at: number;
  readonly day: string;
  readonly turns: number;
}

function rollup(hour: number, fields: Partial<UsageRollup> = {}): UsageRollup {
  return Object.assign(new UsageRollup(), { hour, accountId: 'a', model: 'm', ...one, ...fields });
}

function record(at: number, fields: Partial<UsageRecord> = {}): UsageRecord {
  const { turns: _turns, ...tokens } = one;
  const facts = { id: `turn-${at}`, at, accountId: 'a', model: 'm', status: 200, outcome: 'complete' };
  const rest = {
    session: null,
    effort: null,
    attempts: 1,
    firstByteMs: 1,
    totalMs: 1,
    bytes: 1,
    accountsTried: 1,
    movedFrom: null,
  };
  return Object.assign(new UsageRecord(), facts, rest, tokens, fields);
}

/** A program whose database holds these rows. */
async function holding(rollups: readonly UsageRollup[], env = {}, records: readonly UsageRecord[] = []) {
  const pool = await TestPool.start({ accounts: ['a'], env });
  await pool.running.app.get(Database).run(async (manager) => {
    await manager.save([...rollups], { chunk: 100 });
    await manager.save(sumUpDays(rollups), { chunk: 100 });
    await manager.save([...records], { chunk: 50 });
  });
  return pool;
}

/** The first page of a report, about everything unless the query names a span. */
async function report(pool: TestPool, query: string) {
  const span = query.includes('from=') ? query : `from=0&${query}`;
  const { body } = await pool.client.get(`/admin/usage?${span}`).expect(200);
  return body;
}

const everyHour = (from: number, to: number) =>
  Array.from({ length: (to - from) / HOUR }, (_, index) => rollup(from + index * HOUR));
const turnsByDay = (hours: readonly Bucket[]) => hours.map((it) => `${it.day} ${it.turns}`);

describe.each(databaseDrivers)('usage by local days (%s)', (driver) => {
  const env = using(driver);

  it('gives each turn to its day over a year with two changes of time', async () => {
    const [from, to] = [utc('2025-12-30T00:00'), utc('2027-01-03T00:00')];
    await using pool = await holding(everyHour(from, to), env);
    for (const tz of ['UTC', 'Europe/Berlin', 'America/New_York', 'Pacific/Apia', 'America/Sao_Paulo']) {
      const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: tz });
      const expected = new Map<string, number>();
      for (let at = from; at < to; at += HOUR) {
        const day = clock.format(at);
        expected.set(day, (expected.get(day) ?? 0) + 1);
      }
      const { hours, totals, tz: shown } = await report(pool, `bucket=day&tz=${tz}`);
      expect(turnsByDay(hours)).toEqual([...expected].map(([day, turns]) => `${day} ${turns}`));
      expect(totals).toMatchObject(times((to - from) / HOUR));
      expect(shown).toBe(tz);
      const changes = new Set(expected.values());
      expect(changes.has(23) && changes.has(25)).toBe(/Berlin|York/.test(tz));
    }
  });

  it('gives each turn to its day in a zone with a half hour, on a page of 900 days', async () => {
    const days = 900;
    const last = Date.parse(new Date(Date.now() - 24 * HOUR).toISOString().slice(0, 10));
    const evenings = Array.from(
      { length: days },
      (_, index) => last - (days - 1 - index) * 24 * HOUR + 18 * HOUR,
    );
    const retention = { PROXY_USAGE_RETENTION_DAYS: '1000', ...env };
    // 18:45 is 0:15 of the next day there, and 18:00 is not.
    const turns = evenings.map((hour) => record(hour + 0.75 * HOUR));
    await using pool = await holding(
      evenings.map((hour) => rollup(hour)),
      retention,
      turns,
    );
    const { hours, totals, next } = await report(pool, 'bucket=day&tz=Asia/Kolkata');
    expect(turnsByDay(hours)).toEqual(
      evenings.map((hour) => `${new Date(hour + 6 * HOUR).toISOString().slice(0, 10)} 1`),
    );
    expect(totals).toMatchObject(times(days));
    expect(next).toBeNull();
  });

  it('takes dates as days of the zone, of 23 and 25 hours', async () => {
    await using pool = await holding(everyHour(utc('2026-03-27T00:00'), utc('2026-03-31T00:00')), env);
    const span = 'bucket=day&tz=Europe/Berlin&from=2026-03-29&to=2026-03-30';
    expect(await report(pool, span)).toMatchObject({
      totals: times(23),
      accounts: [{ accountId: 'a', ...times(23) }],
      hours: [{ at: utc('2026-03-28T23:00'), day: '2026-03-29', ...times(23) }],
    });
    const inUtc = await report(pool, span.replace('Europe/Berlin', 'UTC'));
    expect(inUtc.hours).toEqual([{ at: utc('2026-03-29T00:00'), day: '2026-03-29', ...times(24) }]);
    const byHour = await report(pool, 'tz=Europe/Berlin&from=2026-03-29&to=2026-03-30');
    expect(byHour.hours).toHaveLength(23);
    expect(byHour.hours[0]).toEqual({ at: utc('2026-03-28T23:00'), ...one });
  });

  it('begins its first day at midnight, even if the clock changed before the first usage', async () => {
    await using pool = await holding([rollup(utc('2026-03-29T10:00'))], env);
    const day = { at: utc('2026-03-28T23:00'), day: '2026-03-29', ...one };
    expect((await report(pool, 'bucket=day&tz=Europe/Berlin')).hours).toEqual([day]);
    const later = `bucket=day&tz=Europe/Berlin&from=${utc('2026-03-29T09:00')}`;
    expect((await report(pool, later)).hours).toEqual([day]);
  });

  it('splits an hour at midnight where the records are still there, and rounds it where they are gone', async () => {
    const records = [
      record(utc('2026-06-01T18:10')),
      record(utc('2026-06-01T18:40')),
      record(utc('2026-06-01T18:50'), { model: 'n', outcome: 'failed' }),
      record(utc('2026-06-02T18:29:59.999')),
      record(utc('2026-06-02T18:30')),
    ];
    const rollups = [rollup(utc('2026-05-20T18:00')), ...rollUp(records)];
    await using pool = await holding(rollups, env, records);
    const { hours, totals } = await report(pool, 'bucket=day&tz=Asia/Kolkata');
    expect(turnsByDay(hours)).toEqual([
      '2026-05-20 1', // rounded: it may have been on the 21st
      '2026-06-01 1',
      '2026-06-02 2',
      '2026-06-03 1',
    ]);
    expect(totals).toMatchObject({ ...times(6), turns: 5 });
    const day = await report(pool, 'bucket=day&tz=Asia/Kolkata&from=2026-06-02&to=2026-06-03&by=model');
    expect(day.totals).toMatchObject({ ...times(3), turns: 2 });
    expect(day.hours).toEqual([
      { at: utc('2026-06-01T18:30'), day: '2026-06-02', model: 'm', ...times(2) },
      { at: utc('2026-06-01T18:30'), day: '2026-06-02', model: 'n', ...one, turns: 0 },
    ]);
    const within = await report(pool, `from=${utc('2026-06-01T18:30')}&to=${utc('2026-06-01T18:45')}`);
    expect(within).toMatchObject({ totals: one, hours: [{ at: utc('2026-06-01T18:00'), ...one }] });
  });

  it('has days whose sums are the totals, in any zone, span and split', async () => {
    const from = utc('2026-05-01T00:00');
    const records = Array.from({ length: 300 }, (_, n) =>
      record(from + n * 7_654_321, { accountId: n % 3 === 0 ? 'b' : 'a', model: `m-${n % 4}` }),
    );
    await using pool = await holding(rollUp(records), env, records);
    for (const tz of ['Asia/Kathmandu', 'Australia/Lord_Howe', 'America/St_Johns', 'Europe/Berlin']) {
      for (const by of ['none', 'account', 'model']) {
        const [first, last] = [from + 123_456_789, from + 2_000_000_001];
        const query = `bucket=day&tz=${tz}&by=${by}&from=${first}&to=${last}`;
        const { hours, totals, accounts } = await report(pool, query);
        const turns = records.filter((it) => it.at >= first && it.at < last).length;
        expect(totals).toMatchObject(times(turns));
        const sum = (rows: readonly Bucket[]) => rows.reduce((all, it) => all + it.turns, 0);
        expect([sum(hours), sum(accounts)]).toEqual([turns, turns]);
        const clock = new Intl.DateTimeFormat('sv-SE', { timeZone: tz });
        const onFirst = records.filter((it) => it.at >= first && clock.format(it.at) === clock.format(first));
        expect(sum(hours.filter((it: Bucket) => it.day === clock.format(first)))).toBe(onFirst.length);
      }
    }
  });
});

describe('a question about usage', () => {
  it('is about the days of this machine unless it names a zone', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    await pool.turn().expect(200);
    const { tz, hours } = await report(pool, 'bucket=day');
    expect(tz).toBe(new Intl.DateTimeFormat().resolvedOptions().timeZone);
    expect(hours).toMatchObject([{ day: new Intl.DateTimeFormat('sv-SE').format(Date.now()), turns: 1 }]);
  });

  it.each([
    ['tz=Berlin', 'bad_tz'],
    ['tz=', 'bad_tz'],
    ['tz=UTC&tz=UTC', 'bad_tz'],
    [`tz=${'x'.repeat(500)}`, 'bad_tz'],
    ['tz=Mars/Olympus&bucket=day', 'bad_tz'],
    ['bucket=week', 'bad_query'],
    ['from=yesterday', 'bad_query'],
    ['to=2026-13-01', 'bad_query'],
    ['by=person', 'bad_query'],
  ])('that is bad is a problem with a code: %s', async (query, code) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const { body } = await pool.client
      .get(`/admin/usage?${query}`)
      .expect(400)
      .expect('content-type', /problem\+json/);
    expect(body).toMatchObject({ status: 400, code });
  });

  it.each(['from=5&to=3', 'from=2026-01-01&to=2025-01-01', 'from=9999999999999999', 'to=0001-01-01'])(
    'about an empty span has an empty report: %s',
    async (span) => {
      await using pool = await holding([rollup(0), rollup(utc('2026-06-01T00:00'))]);
      for (const bucket of ['hour', 'day'])
        expect(await report(pool, `${span}&bucket=${bucket}&tz=Asia/Kolkata`)).toMatchObject({
          totals: times(0),
          accounts: [],
          hours: [],
        });
    },
  );
});
