import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { QuotaPoll } from '../../../src/accounts/quota-poll.js';
import { custom, streams } from '../../../src/fake-upstream/script/responses.js';
import { completed, created, delta, framed } from '../../../src/fake-upstream/script/turn-events.js';
import { Database } from '../../../src/storage/database.js';
import { QuotaSample } from '../../../src/usage/quota-sample.entity.js';
import { RetentionCron } from '../../../src/storage/retention.cron.js';
import { UsageDay } from '../../../src/usage/sums/usage-day.entity.js';
import { UsageRecord } from '../../../src/usage/sums/usage-record.entity.js';
import { UsageRollup } from '../../../src/usage/sums/usage-rollup.entity.js';
import { recordRow } from '../../support/disk/usage-rows.js';
import { DAY, FakeClock, HOUR } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { Talk } from '../../support/program/usage-program.js';
import { send, turnWith } from '../../support/clients/raw-http.js';

const none = { input: 0, cached: 0, output: 0, reasoning: 0 };

/** A turn whose final event has exactly this response. */
const endsWith = (response: unknown) =>
  streams({ events: [created(), delta('words'), { type: 'response.completed', response }] });

async function recordOf(pool: TestPool, id: unknown): Promise<UsageRecord> {
  await new Talk(pool.origin).untilRecorded(1);
  const database = pool.running.app.get(Database);
  return await database.run(
    async (manager) => await manager.findOneByOrFail(UsageRecord, { id: String(id) }),
  );
}

describe('a final event whose usage', () => {
  const good = {
    input_tokens: 10,
    input_tokens_details: { cached_tokens: 4 },
    output_tokens: 5,
    output_tokens_details: { reasoning_tokens: 2 },
  };
  it.each<[string, unknown, object]>([
    ['is missing', { id: 'r' }, none],
    ['is null', { usage: null }, none],
    ['is a word', { usage: 'much' }, none],
    ['is a list', { usage: [1, 2, 3] }, none],
    ['is empty', { usage: {} }, none],
    ['has no response around it', null, none],
    [
      'is negative',
      { usage: { ...good, input_tokens: -1 } },
      { ...none, cached: 4, output: 5, reasoning: 2 },
    ],
    [
      'is absurd',
      { usage: { ...good, output_tokens: 1e300 } },
      { ...none, input: 10, cached: 4, reasoning: 2 },
    ],
    [
      'is a fraction',
      { usage: { ...good, output_tokens: 0.5 } },
      { ...none, input: 10, cached: 4, reasoning: 2 },
    ],
    ['is text', { usage: { ...good, input_tokens: '10' } }, { ...none, cached: 4, output: 5, reasoning: 2 }],
    [
      'has details that are not an object',
      { usage: { ...good, input_tokens_details: 'x', output_tokens_details: [] } },
      { ...none, input: 10, output: 5 },
    ],
    ['has null in every place', { usage: { input_tokens: null, output_tokens: null } }, none],
  ])('%s: the turn is served, and counts with the readable numbers', async (_what, response, tokens) => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    pool.fakeUpstream.account('a').always(endsWith(response));
    const turn = await new Talk(pool.origin).turn();
    expect(turn).toMatchObject({ status: 200, isBroken: false });
    const record = await recordOf(pool, turn.headers['x-codex-pool-request']);
    expect(record).toMatchObject({ outcome: 'complete', status: 200, ...tokens });
    expect((await pool.client.get('/admin/usage')).body.totals).toMatchObject({ turns: 1, ...tokens });
    expect((await pool.account('a')).totals).toEqual({ turns: 1, ...tokens });
  });
});

describe('client input', () => {
  it.each([
    ['header', (key: string) => [{ 'session-id': key }, aTurn()] as const],
    ['body', (key: string) => [{}, aTurn({ prompt_cache_key: key })] as const],
  ])(
    'as a session key of 10 KB in the %s ties its turns together, and is not kept',
    async (_where, asked) => {
      await using pool = await TestPool.start();
      const key = `long-key-${'x'.repeat(10_000)}`;
      const program = new Talk(pool.origin);
      const [headers, body] = asked(key);
      const first = await program.turn(headers, body);
      const second = await program.turn(headers, body);
      expect(first.status).toBe(200);
      expect(second.headers['x-codex-pool-account']).toBe(first.headers['x-codex-pool-account']);
      await program.untilRecorded(2);
      const database = pool.running.app.get(Database);
      const records = await database.run(async (manager) => await manager.find(UsageRecord));
      expect(new Set(records.map((it) => it.session)).size).toBe(1);
      expect(records[0]?.session).toMatch(/^[\w-]{22}$/);
      for (const suffix of ['', '-wal']) {
        const bytes = await readFile(join(pool.folder, 'data', `proxy.db${suffix}`));
        expect(bytes.includes('long-key')).toBe(false);
      }
    },
  );

  it('as model and effort is truncated, and SQL or a value that is not text does no harm', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    // By hand, because the fake upstream would name the model in a header.
    const events = [created(), delta('words'), completed()].map((it) => framed(it)).join('');
    const response = custom((_req, res) => {
      res.writeHead(200).end(events);
    });
    pool.fakeUpstream.account('a').always(response);
    const program = new Talk(pool.origin);
    const bodies = [
      { model: 'm'.repeat(10_000), reasoning: { effort: 'e'.repeat(10_000) } },
      { model: `'); DROP TABLE usage_record; --`, reasoning: { effort: `' OR 1=1` } },
      { model: { id: 1 }, reasoning: ['high'] },
      { model: 'null\u0000inside \u{1f600} \ud800', reasoning: null },
    ];
    for (const it of bodies) expect((await program.turn({}, aTurn(it))).status).toBe(200);
    await program.untilRecorded(bodies.length);
    const { hours } = await program.json('/admin/usage?by=model');
    for (const it of hours) expect(it.model.length).toBeLessThanOrEqual(100);
    const database = pool.running.app.get(Database);
    const records = await database.run(async (manager) => await manager.find(UsageRecord));
    expect(records).toHaveLength(bodies.length);
    for (const it of records) expect(it.effort?.length ?? 0).toBeLessThanOrEqual(20);
  });
});

const WEEK = 604_800;

/** One poll of every account, now. */
async function poll(pool: TestPool): Promise<void> {
  await pool.running.app.get(QuotaPoll).pollAll(() => false);
}

const usageBody = (rateLimit: unknown) => ({ plan_type: 'plus', rate_limit: rateLimit });

describe('a response to the quota poll', () => {
  const weekly = { used_percent: 30, limit_window_seconds: WEEK, reset_after_seconds: 1_000, reset_at: null };
  const known = [expect.objectContaining({ durationSeconds: WEEK, usedRatio: 0.3 })];

  it.each<[string, number, object | string, unknown[]]>([
    ['that is HTML', 200, '<html><body>Just a moment</body></html>', known],
    ['that is nothing', 200, '', known],
    ['that is a list', 200, [], known],
    ['with status 500', 500, { detail: 'oops' }, known],
    ['with status 403', 403, '<html>blocked</html>', known],
    ['without windows', 200, usageBody({ primary_window: null, secondary_window: null }), []],
    ['without a rate limit', 200, { plan_type: 'plus', rate_limit: null }, []],
    [
      'with words for numbers',
      200,
      usageBody({ primary_window: { used_percent: 'half', limit_window_seconds: 'week' } }),
      [],
    ],
    [
      'with negative numbers',
      200,
      usageBody({
        primary_window: { ...weekly, used_percent: -5 },
        secondary_window: { ...weekly, limit_window_seconds: -1 },
      }),
      [],
    ],
    [
      'with floats',
      200,
      usageBody({ primary_window: { ...weekly, used_percent: 12.5, limit_window_seconds: 604_800.4 } }),
      [expect.objectContaining({ durationSeconds: WEEK, usedRatio: 0.125 })],
    ],
    [
      'with a reset in the past',
      200,
      usageBody({ primary_window: { ...weekly, used_percent: 100, reset_at: 1_000 } }),
      [expect.objectContaining({ durationSeconds: WEEK, usedRatio: 1, resetsAt: 1_000_000 })],
    ],
    [
      'with a reset in the far future',
      200,
      usageBody({ primary_window: { ...weekly, reset_at: 1e15 } }),
      [expect.objectContaining({ durationSeconds: WEEK, usedRatio: 0.3 })],
    ],
  ])('%s breaks nothing, and the shown windows are right', async (_what, status, body, windows) => {
    await using pool = await TestPool.start({
      accounts: ['a'],
      prepare: (fakeUpstream) =>
        void fakeUpstream.account('a').usageResponses(200, usageBody({ primary_window: weekly })),
    });
    await polled(pool);
    expect((await pool.account('a')).windows).toEqual(known);
    pool.fakeUpstream.account('a').usageResponses(status, body);
    await poll(pool);
    const account = await pool.account('a');
    expect(account.windows).toEqual(windows);
    expect(account).toMatchObject({ available: true, reason: null });
    const now = Date.now();
    for (const it of account.windows) expect(it.resetsAt ?? 0).toBeLessThanOrEqual(now + WEEK * 1_000);
    const shown = (await pool.client.get('/backend-api/wham/usage').expect(200)).body.rate_limit;
    for (const window of [shown.primary_window, shown.secondary_window]) {
      if (window === null) continue;
      for (const it of Object.values(window)) expect(Number.isInteger(it)).toBe(true);
    }
    expect((await new Talk(pool.origin).turn()).status).toBe(200);
  });
});

describe('an account that has only a weekly window', () => {
  const window = { usedPercent: 30, windowSeconds: WEEK, resetsInSeconds: 100_000 };

  it.each([
    ['primary', [window]],
    ['secondary', [null, window]],
  ])('reported as %s is shown as such everywhere, with no invented 5 h window', async (_slot, windows) => {
    await using pool = await TestPool.start({
      accounts: ['a'],
      prepare: (fakeUpstream) => void fakeUpstream.account('a').usage(...windows),
    });
    await polled(pool);
    const program = new Talk(pool.origin);
    expect((await program.turn()).status).toBe(200); // its headers report the same
    await program.untilRecorded(1);
    expect((await pool.account('a')).windows).toEqual([
      expect.objectContaining({ durationSeconds: WEEK, usedRatio: 0.3 }),
    ]);
    const { rate_limit: shown } = await program.json('/backend-api/wham/usage');
    const slots = [shown.primary_window, shown.secondary_window].filter((it) => it !== null);
    expect(slots).toEqual([expect.objectContaining({ limit_window_seconds: WEEK, used_percent: 30 })]);
    const database = pool.running.app.get(Database);
    const samples = await database.run(async (manager) => await manager.find(QuotaSample));
    expect(samples).toEqual([expect.objectContaining({ durationSeconds: WEEK, usedRatio: 0.3 })]);
  });

  it('does not get an ended window back after a restart', async () => {
    const short = { usedPercent: 60, windowSeconds: 18_000, resetsInSeconds: 9_000 };
    const first = await TestPool.start({
      accounts: ['a'],
      prepare: (fakeUpstream) => void fakeUpstream.account('a').usage(short, window),
    });
    await polled(first);
    expect((await first.account('a')).windows).toHaveLength(2);
    first.fakeUpstream.account('a').usage(window);
    await poll(first);
    expect((await first.account('a')).windows).toHaveLength(1);
    first.fakeUpstream.account('a').usageResponses(500, 'out of order');
    await using second = await first.restart();
    expect((await second.account('a')).windows).toEqual([
      expect.objectContaining({ durationSeconds: WEEK, usedRatio: 0.3 }),
    ]);
  });
});

describe('a model with half of a character', () => {
  it('is recorded, and so are all other turns', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    // Without the model in a header, which cannot carry it.
    const body = framed(created()) + framed(completed());
    pool.fakeUpstream.account('a').always(custom((_req, res) => void res.end(body)));
    const halves = ['\\ud83d', '\\ud83e', '\\udc00'].map(
      (it) => `{"model":"made-up ${it}","stream":true,"input":[]}`,
    );
    const cut = JSON.stringify(aTurn({ model: `${'m'.repeat(99)}😀` })); // stored up to 100 characters
    for (const it of [...halves, cut, JSON.stringify(aTurn())])
      expect(await send(pool.origin, turnWith(it)).whole()).toMatchObject({ status: 200 });
    await new Talk(pool.origin).untilRecorded(5);
    const { totals } = (await pool.client.get('/admin/usage').expect(200)).body;
    expect(totals.turns).toBe(5);
    expect((await pool.client.get('/healthz')).body.details.usage).toMatchObject({
      dropped: 0,
      trouble: null,
    });
  });
});

describe('retention', () => {
  it('removes old rows in steps, with other transactions between them, and keeps rollups and recent rows', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({
      accounts: ['a'],
      clock,
      env: { PROXY_USAGE_RETENTION_DAYS: '10', PROXY_USAGE_REFRESH_SECONDS: '86400' },
    });
    const program = new Talk(pool.origin);
    await program.turn({ 'session-id': 's' });
    await program.untilRecorded(1);
    const { app } = pool.running;
    const database = app.get(Database);
    const now = clock.now();
    const ages = [10 * DAY - HOUR, 10 * DAY + HOUR];
    await database.run(async (manager) => {
      const old = Array.from({ length: 2_500 }, (_, index) => recordRow(`old-${index}`, now - 11 * DAY));
      for (let at = 0; at < old.length; at += 500) await manager.insert(UsageRecord, old.slice(at, at + 500));
      await manager.insert(
        UsageRecord,
        ages.map((age) => recordRow(`age-${age}`, now - age)),
      );
      await manager.insert(
        QuotaSample,
        ages.map((age) => ({
          accountId: 'x',
          durationSeconds: WEEK,
          seenAt: now - age,
          usedRatio: 0.5,
          resetsAt: null,
        })),
      );
      await manager.insert(UsageRollup, {
        hour: now - 400 * DAY,
        accountId: 'x',
        model: 'm',
        turns: 7,
        ...none,
      });
      const day = Math.floor((now - 400 * DAY) / DAY) * DAY;
      await manager.insert(UsageDay, { day, accountId: 'x', turns: 7, ...none });
    });
    const count = async () => await database.run(async (manager) => await manager.count(UsageRecord));
    const run = app.get(RetentionCron).run();
    const between = await count(); // has its turn after the first step
    await run;
    expect(between).toBe(2_503 - 1_000);
    const left = await database.run(
      async (manager) => await manager.find(UsageRecord, { where: { accountId: 'x' } }),
    );
    expect(left.map((it) => it.id)).toEqual([`age-${ages[0]}`]);
    const samples = await database.run(
      async (manager) => await manager.find(QuotaSample, { where: { accountId: 'x' } }),
    );
    expect(samples.map((it) => it.seenAt)).toEqual([now - (ages[0] ?? 0)]);
    expect((await program.json('/admin/usage?from=0')).totals.turns).toBe(8);

    clock.advance(11 * DAY); // the turn's own row goes too, and its sums stay
    await app.get(RetentionCron).run();
    expect(await count()).toBe(0);
    expect((await program.json('/admin/usage?from=0')).totals.turns).toBe(8);
    expect((await pool.account('a')).totals.turns).toBe(1);
  });
});
