import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { usageSchema, type UsageView } from '../../../src/api/usage.js';
import { limits } from '../../../src/config/limits.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { streams } from '../../../src/fake-upstream/script/responses.js';
import { Database } from '../../../src/storage/database.js';
import { RetentionCron } from '../../../src/storage/retention.cron.js';
import { addRecorded, noRecorded, type RecordedSums, sumsOf } from '../../../src/usage/sums/rollup-sums.js';
import type { UsageRecord } from '../../../src/usage/sums/usage-record.entity.js';
import { usageRecords } from '../../../src/usage/usage-tables.js';
import { recordRow } from '../../support/disk/usage-rows.js';
import { DAY, HOUR } from '../../support/fake-clock.js';
import { TestPool } from '../../support/pool/pool.js';
import { SeededRandom } from '../../support/seeded-random.js';

async function report(pool: TestPool, query: string): Promise<UsageView> {
  const { body } = await pool.client.get(`/admin/usage?${query}`).expect(200);
  return usageSchema.parse(body);
}

const splits = {
  account: (it: UsageRecord) => it.accountId,
  model: (it: UsageRecord) => it.model ?? '',
  project: (it: UsageRecord) => it.project ?? '',
  session: (it: UsageRecord) => it.session ?? '',
  effort: (it: UsageRecord) => it.effort ?? '',
  'front-end': (it: UsageRecord) => it.frontEnd ?? '',
} as const;

const splitNames = ['account', 'model', 'project', 'session', 'effort', 'front-end'] as const;

/** A group as the tests compare it. */
function withoutNames({
  key,
  turns,
  input,
  cached,
  output,
  reasoning,
  resent,
}: { key: string } & Omit<RecordedSums, 'failovers'>) {
  return { key, turns, input, cached, output, reasoning, resent };
}

/** Turns of four days, one every 19 minutes or so. */
function someTurns(from: number): UsageRecord[] {
  return Array.from({ length: 300 }, (_, n) =>
    Object.assign(recordRow(`turn-${n}`, from + n * 1_154_321), {
      accountId: n % 3 === 0 ? 'b' : 'a',
      model: n % 11 === 0 ? null : `m-${n % 4}`,
      project: n % 7 === 0 ? null : `p-${n % 5}`,
      session: n % 13 === 0 ? null : `s-${Math.floor(n / 20)}`,
      effort: n % 2 === 0 ? null : 'low',
      frontEnd: 'codex_exec',
      status: n % 17 === 0 ? 429 : 200,
      movedFrom: n % 19 === 0 ? 'c' : null,
      accountsTried: n % 23 === 0 ? 2 : 1,
      input: 100 + n,
      cached: n,
      output: 7,
      reasoning: 3,
    }),
  );
}

async function store(pool: TestPool, records: readonly UsageRecord[]): Promise<void> {
  await pool.running.app.get(Database).run(async (manager) => await usageRecords.write(manager, records));
}

function expected(records: readonly UsageRecord[], keyOf: (it: UsageRecord) => string) {
  const groups = new Map<string, RecordedSums>();
  for (const it of records) {
    const sums = groups.get(keyOf(it)) ?? noRecorded();
    addRecorded(sums, sumsOf(it));
    groups.set(keyOf(it), sums);
  }
  return [...groups].map(([key, sums]) => withoutNames({ key, ...sums }));
}

const size = (it: { input: number; output: number }) => it.input + it.output;
const inOrder = <T extends { key: string; input: number; output: number }>(groups: readonly T[]) =>
  groups.toSorted((a, b) => size(b) - size(a) || (a.key < b.key ? -1 : 1));
const plain = ({ groups = [] }: UsageView) => groups.map(withoutNames);

describe('usage by a split', () => {
  it('is exact for any span, and so are the sums of all', async () => {
    await using pool = await TestPool.start();
    const from = Date.now() - 5 * DAY;
    const records = someTurns(from);
    await store(pool, records);
    const random = new SeededRandom(7);
    const spans = [
      [from, from + 4 * DAY],
      ...Array.from({ length: 6 }, () =>
        [Math.floor(random.between(0, 4 * DAY)), Math.floor(random.between(0, 4 * DAY))]
          .map((it) => from + it)
          .toSorted((a, b) => a - b),
      ),
    ];
    for (const [start = 0, end = 0] of spans) {
      const inSpan = records.filter((it) => it.at >= start && it.at < end);
      for (const [by, keyOf] of Object.entries(splits)) {
        const found = await report(pool, `by=${by}&from=${start}&to=${end}`);
        const groups = inOrder(expected(inSpan, keyOf));
        expect(plain(found)).toEqual(groups);
        expect(found.groupCount).toBe(groups.length);
        const all = noRecorded();
        for (const it of inSpan) addRecorded(all, sumsOf(it));
        const { failovers, ...totals } = all;
        expect(found.totals).toEqual(totals);
        expect(found.failovers).toBe(failovers);
      }
    }
  });

  it('outlives its turns, by whole days', async () => {
    await using pool = await TestPool.start({ env: { PROXY_USAGE_RETENTION_DAYS: '1' } });
    const from = Math.floor(Date.now() / DAY) * DAY - 9 * DAY;
    const records = someTurns(from);
    await store(pool, records);
    await pool.running.app.get(RetentionCron).run();
    const wholeDays = records.filter((it) => it.at >= from + DAY && it.at < from + 3 * DAY);
    const found = await report(pool, `by=project&from=${from + 5 * HOUR}&to=${from + 2 * DAY + 5 * HOUR}`);
    expect(plain(found)).toEqual(inOrder(expected(wholeDays, splits.project)));
    expect(found.firstByteMs).toBeNull();
    // Old days are not split by session.
    const bySession = await report(pool, `by=session&from=${from + DAY}&to=${from + 3 * DAY}`);
    expect(plain(bySession)).toEqual(expected(wholeDays, () => ''));
    const byModel = await report(pool, `by=model&from=${from + DAY}&to=${from + 3 * DAY}`);
    expect(plain(byModel)).toEqual(inOrder(expected(wholeDays, splits.model)));
  });

  it('has the largest groups up to a bound, and says how many there are', async () => {
    await using pool = await TestPool.start();
    const count = limits.usageSplitGroups + 3;
    const records = Array.from({ length: count }, (_, n) =>
      Object.assign(recordRow(`turn-${n}`, Date.now() - HOUR), { session: `s-${n}`, input: n + 1 }),
    );
    await store(pool, records);
    const { groups = [], groupCount } = await report(pool, 'by=session');
    expect([groups.length, groupCount]).toEqual([limits.usageSplitGroups, count]);
    expect([groups[0]?.key, groups.at(-1)?.key]).toEqual([`s-${count - 1}`, 's-3']);
  });

  it('names projects and accounts, and says how much was sent again because a session moved', async () => {
    await using pool = await TestPool.start({ env: { PROXY_POLICY: 'fill-first' } });
    const usage = { input: 1_000, cached: 100, output: 50, reasoning: 20 };
    pool.fakeUpstream.account('a').answers(streams({ usage }), usageLimit());
    pool.fakeUpstream.account('b').always(streams({ usage }));
    const metadata = JSON.stringify({ workspaces: { '/home/user/=api': {} } });
    const headers = { 'session-id': 's', originator: 'codex_exec', 'x-codex-turn-metadata': metadata };
    for (let i = 0; i < 3; i += 1) await pool.turn(headers).expect(200);
    const byProject = await report(pool, 'by=project');
    expect(byProject.groups).toMatchObject([{ name: '=api', turns: 3, input: 3_000, resent: 900 }]);
    expect(byProject).toMatchObject({ failovers: 1, totals: { resent: 900 } });
    expect(byProject.firstByteMs?.p95).toBeGreaterThanOrEqual(byProject.firstByteMs?.p50 ?? 0);
    expect((await report(pool, 'by=account')).groups?.map((it) => it.name)).toEqual(['b', 'a']);
    expect((await report(pool, 'by=front-end')).groups).toMatchObject([{ key: 'codex_exec', name: null }]);
    const csv = await pool.client.get('/admin/usage.csv?by=project').expect(200);
    expect(csv.headers['content-type']).toMatch(/^text\/csv/);
    const hash = byProject.groups?.[0]?.key ?? '';
    const key = hash.startsWith('-') ? `'${hash}` : hash; // a table would take it for a formula
    expect(csv.text.split('\r\n')[1]).toBe(`${key},'=api,3,3000,300,150,60,900`);
    await pool.client
      .get('/admin/usage.csv?by=person')
      .expect(400)
      .expect('content-type', /problem/);
  });

  it('has percentiles of the first byte, from the newest turns', async () => {
    await using pool = await TestPool.start();
    const times = Array.from({ length: 101 }, (_, n) => n * 10);
    const records = times.map((firstByteMs, n) =>
      Object.assign(recordRow(`turn-${n}`, Date.now() - HOUR + n), { firstByteMs }),
    );
    await store(pool, records);
    expect((await report(pool, '')).firstByteMs).toEqual({ p50: 500, p95: 950 });
    expect((await report(pool, 'to=2020-01-01')).firstByteMs).toBeNull();
  });
});

describe('the cost of usage', () => {
  const usage = { input: 1_000_000, cached: 400_000, output: 100_000, reasoning: 20_000 };

  async function priced(prices: object): Promise<TestPool> {
    const file = join(tmpdir(), `codex-pool-prices-${process.pid}.json`);
    await writeFile(file, JSON.stringify(prices));
    const pool = await TestPool.start({ accounts: ['a'], env: { PROXY_PRICES: file } });
    pool.fakeUpstream.account('a').always(streams({ usage }));
    return pool;
  }

  it('is that of the API, and says that it is no bill', async () => {
    await using pool = await priced({ 'gpt-1': { input: 2, cached: 0.5, output: 10 } });
    await pool.turn({}, { model: 'gpt-1', input: [] }).expect(200);
    for (const by of ['model', 'effort']) {
      const { totals, groups, costNote } = await report(pool, `by=${by}`);
      expect(totals.cost).toBeCloseTo(0.6 * 2 + 0.4 * 0.5 + 0.1 * 10);
      expect(groups?.[0]?.cost).toBe(totals.cost);
      expect(costNote).toBe('API-equivalent, not a bill');
    }
    expect((await report(pool, 'to=2020-01-01')).totals.cost).toBe(0);
  });

  it('is null where a model has no price', async () => {
    await using pool = await priced({ 'gpt-1': { input: 2, cached: 0.5, output: 10 } });
    await pool.turn({}, { model: 'gpt-1', input: [] }).expect(200);
    await pool.turn({}, { model: 'gpt-2', input: [] }).expect(200);
    const { totals, groups } = await report(pool, 'by=model');
    expect(totals.cost).toBeNull();
    expect(groups?.map((it) => [it.key, it.cost === null])).toEqual([
      ['gpt-1', false],
      ['gpt-2', true],
    ]);
  });

  it('is not spoken of without prices', async () => {
    await using pool = await TestPool.start();
    await pool.turn().expect(200);
    const { body } = await pool.client.get('/admin/usage?by=model').expect(200);
    expect(JSON.stringify(body)).not.toContain('cost');
  });
});

const inProject = (name: string) => JSON.stringify({ workspaces: { [`/home/user/${name}`]: {} } });

describe('usage with a filter', () => {
  /** Each combination that the sums can answer, with the turns that count. */
  const filters: [
    query: string,
    by: readonly (keyof typeof splits | 'none')[],
    passes: (it: UsageRecord) => boolean,
  ][] = [
    ['account=b', ['none', 'account', 'model'], (it) => it.accountId === 'b'],
    ['model=m-2', ['none', ...splitNames], (it) => it.model === 'm-2'],
    ['account=a&model=m-1', ['none', 'account', 'model'], (it) => it.accountId === 'a' && it.model === 'm-1'],
    ['project=p-3', ['none', 'project', 'model'], (it) => it.project === 'p-3'],
    [
      'project=p-1&model=m-3',
      ['none', 'project', 'model'],
      (it) => it.project === 'p-1' && it.model === 'm-3',
    ],
    ["account=x' OR ''='", ['none', 'model'], () => false],
    ['project=unknown', ['none', 'model'], () => false],
  ];

  it('is exact for any span: totals, groups and buckets', async () => {
    await using pool = await TestPool.start({ accounts: [] });
    const from = Math.floor(Date.now() / DAY) * DAY - 5 * DAY + 3 * HOUR; // its first day is not whole
    const records = someTurns(from);
    await store(pool, records);
    const seed = 11;
    const random = new SeededRandom(seed);
    const spans = [
      [from, from + 4 * DAY],
      ...Array.from({ length: 2 }, () =>
        [random.between(0, 4 * DAY), random.between(0, 4 * DAY)]
          .map((it) => from + Math.floor(it))
          .toSorted((a, b) => a - b),
      ),
    ];
    for (const [start = 0, end = 0] of spans) {
      for (const [filter, allBy, passes] of filters) {
        const counted = records.filter((it) => it.at >= start && it.at < end && passes(it));
        const all = noRecorded();
        for (const it of counted) addRecorded(all, sumsOf(it));
        const { failovers, resent, ...sums } = all;
        for (const by of allBy) {
          const query = `${encodeURI(filter)}&by=${by}&from=${start}&to=${end}`;
          const found = await report(pool, `${query}&bucket=day&tz=Asia/Kolkata`);
          const context = { seed, query };
          expect({ context, totals: found.totals }).toEqual({ context, totals: { ...sums, resent } });
          expect(found.failovers).toBe(failovers);
          const groups = by === 'none' ? [] : inOrder(expected(counted, splits[by]));
          expect(plain(found)).toEqual(groups);
          for (const bucket of ['bucket=day&tz=Asia/Kolkata', 'bucket=hour']) {
            const { hours } = await report(pool, `${query}&${bucket}`);
            const summed = { turns: 0, input: 0, cached: 0, output: 0, reasoning: 0 };
            for (const it of hours)
              for (const name of ['turns', 'input', 'cached', 'output', 'reasoning'] as const)
                summed[name] += it[name];
            expect({ context, bucket, summed }).toEqual({ context, bucket, summed: sums });
          }
          const accounts = filter.startsWith('project') ? [] : expected(counted, splits.account);
          expect(found.accounts.map((it) => [it.accountId, it.input])).toEqual(
            accounts.toSorted((a, b) => (a.key < b.key ? -1 : 1)).map((it) => [it.key, it.input]),
          );
        }
      }
    }
  }, 60_000);

  it('outlives its turns, by whole days', async () => {
    await using pool = await TestPool.start({ accounts: [], env: { PROXY_USAGE_RETENTION_DAYS: '1' } });
    const from = Math.floor(Date.now() / DAY) * DAY - 9 * DAY;
    const records = someTurns(from);
    await store(pool, records);
    await pool.running.app.get(RetentionCron).run();
    for (const [filter, [, by = 'model'], passes] of filters) {
      const counted = records.filter((it) => it.at >= from + DAY && it.at < from + 3 * DAY && passes(it));
      const query = `${encodeURI(filter)}&by=${by}&from=${from + DAY}&to=${from + 3 * DAY}`;
      const found = await report(pool, `${query}&bucket=day&tz=UTC`);
      const groups = by === 'none' ? [] : inOrder(expected(counted, splits[by]));
      expect({ query, groups: plain(found) }).toEqual({ query, groups });
      const input = counted.reduce((sum, it) => sum + it.input, 0);
      expect({ query, input: found.totals.input }).toEqual({ query, input });
      const inBuckets = found.hours.reduce((sum, it) => sum + it.input, 0);
      expect({ query, input: inBuckets }).toEqual({ query, input });
    }
  });

  it('takes names of accounts and projects, also as CSV', async () => {
    await using pool = await TestPool.start({ env: { PROXY_POLICY: 'fill-first' } });
    pool.fakeUpstream
      .account('a')
      .always(streams({ usage: { input: 7, cached: 0, output: 1, reasoning: 0 } }));
    for (const name of ['api', 'api', 'web'])
      await pool.turn({ 'x-codex-turn-metadata': inProject(name) }).expect(200);
    const turns = async (query: string) => (await report(pool, query)).totals.turns;
    expect(await turns('account=a')).toBe(3);
    expect(await turns('account=b')).toBe(0);
    expect(await turns('project=api')).toBe(2);
    const hash = (await report(pool, 'by=project&project=web')).groups?.[0]?.key ?? '';
    expect(await turns(`project=${hash}`)).toBe(1);
    const csv = await pool.client.get('/admin/usage.csv?by=model&project=api').expect(200);
    expect(csv.text.split('\r\n')[1]).toBe('gpt-5.5,,2,14,0,2,0,0');
    expect((await report(pool, 'account=a')).firstByteMs).not.toBeNull();
    expect((await report(pool, 'account=b')).firstByteMs).toBeNull();
    const tag = String((await pool.client.get('/admin/usage?model=gpt-5.5')).headers['etag']);
    await pool.client.get('/admin/usage?model=gpt-5').set('if-none-match', tag).expect(200);
    await pool.client.get('/admin/usage?model=gpt-5.5').set('if-none-match', tag).expect(304);
  });

  it.each([
    ['account=a&project=p', 'account and project cannot be combined'],
    ['account=a&by=project', 'account cannot be combined with by=project'],
    ['project=p&by=account', 'project cannot be combined with by=account'],
    ['project=p&by=session', 'project cannot be combined with by=session'],
    ['model=', 'Invalid: model'],
    ['model=a&model=b', 'Invalid: model'],
    [`project=${'x'.repeat(201)}`, 'Invalid: project'],
  ])('is refused for %s', async (query, why) => {
    await using pool = await TestPool.start({ accounts: [] });
    for (const path of ['/admin/usage', '/admin/usage.csv']) {
      const { body } = await pool.client.get(`${path}?${query}`).expect(400);
      expect(body).toMatchObject({ code: 'bad_query', detail: expect.stringContaining(why) });
    }
  });
});
