import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { CustomHandler } from '../../../src/fake-upstream/script/scripted-response.js';
import { custom, large, raw, streams } from '../../../src/fake-upstream/script/responses.js';
import { controlled } from '../../../src/fake-upstream/script/controlled-turn.js';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import {
  completed,
  created,
  delta,
  framed,
  messageAdded,
  type TurnUsage,
} from '../../../src/fake-upstream/script/turn-events.js';
import { Database } from '../../../src/storage/database.js';
import { UsageRecord } from '../../../src/usage/sums/usage-record.entity.js';
import { databaseDrivers, using } from '../../support/program/database-drivers.js';
import { TestPool, aTurn } from '../../support/pool/pool.js';
import { send, turnWith } from '../../support/clients/raw-http.js';
import { Folders, type RunningProgram } from '../../support/program/usage-program.js';
import { SeededRandom } from '../../support/seeded-random.js';

const SEED = Number(process.env['LEDGER_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const TURNS = 500;
const KILL_AT = 250;
const AT_ONCE = 8;
/** A turn that ended this long before a kill may be missing on disk: the pause between two writes, and a write. */
const LAST_BATCH_MS = 1_000;

const kinds = ['whole', 'limited', 'faulty', 'cut', 'leaves-early', 'leaves-late'] as const;
type Kind = (typeof kinds)[number];

interface Plan {
  readonly turn: number;
  readonly kind: Kind;
  readonly session: string;
  readonly model: string;
  readonly usage: TurnUsage;
  /** Attempts that have reached the fake upstream. */
  attempts: number;
}

function planned(): Plan[] {
  const random = new SeededRandom(SEED);
  const upTo = (max: number) => Math.floor(random.next() * max);
  return Array.from({ length: TURNS }, (_, turn) => {
    const dice = random.next();
    const kind: Kind =
      dice < 0.03
        ? 'limited'
        : dice < 0.07
          ? 'faulty'
          : dice < 0.14
            ? 'cut'
            : dice < 0.21
              ? 'leaves-early'
              : dice < 0.28
                ? 'leaves-late'
                : 'whole';
    const input = upTo(200_000);
    const output = upTo(9_000);
    const usage = { input, cached: upTo(input + 1), output, reasoning: upTo(output + 1) };
    return { turn, kind, session: `session-${upTo(12)}`, model: `gpt-${upTo(3)}`, usage, attempts: 0 };
  });
}

/** Serves each turn as planned. The first attempt of a limited or faulty turn is refused. */
function serving(plans: readonly Plan[]): CustomHandler {
  return async (req, res, logged) => {
    const { turn } = JSON.parse(logged.body.toString()).metadata;
    const plan = plans[turn];
    if (plan === undefined) throw new Error(`no plan for turn ${turn}`);
    plan.attempts += 1;
    if (plan.attempts === 1 && plan.kind === 'limited') {
      const error = {
        type: 'rate_limit_exceeded',
        code: 'rate_limit_exceeded',
        message: 'Too many requests.',
      };
      res
        .writeHead(429, { 'content-type': 'application/json', 'retry-after': '0.05' })
        .end(JSON.stringify({ error }));
      return;
    }
    if (plan.attempts === 1 && plan.kind === 'faulty') {
      res.writeHead(500, { 'content-type': 'application/json' }).end('{"error":{"message":"made up"}}');
      return;
    }
    res.writeHead(200);
    const closed = new Promise<void>((resolve) => void res.once('close', resolve));
    for (const event of [created(), messageAdded(), delta('some words')]) res.write(framed(event));
    if (plan.kind === 'leaves-early') return closed;
    if (plan.kind === 'cut') {
      res.write('', () => req.socket.destroy());
      return closed;
    }
    await pause(turn % 5);
    res.write(framed(completed(plan.usage)));
    if (plan.kind === 'leaves-late') return closed;
    res.end();
  };
}

/** A turn as the client saw it. */
interface Seen {
  readonly plan: Plan;
  readonly id: string;
  readonly status: number;
  readonly endedAt: number;
}

/** Sends one turn as planned; null if the program ended during the turn. */
async function played(program: RunningProgram, plan: Plan, hasKilled: () => boolean): Promise<Seen | null> {
  const body = aTurn({ model: plan.model, metadata: { turn: plan.turn } });
  const exchange = program.send({ 'session-id': plan.session }, body);
  try {
    const { headers, statusCode: status = 0 } = await exchange.head;
    const leavesAfter = { 'leaves-early': 'some words', 'leaves-late': 'response.completed' };
    let isBroken: boolean;
    if (status === 200 && (plan.kind === 'leaves-early' || plan.kind === 'leaves-late')) {
      const text = leavesAfter[plan.kind];
      // `untilText` alone would wait forever on a dead connection.
      const sawIt = exchange.untilText(text).then(() => true);
      await Promise.race([sawIt, exchange.whole()]);
      sawIt.catch(() => undefined);
      isBroken = !exchange.text.includes(text);
      exchange.leave();
    } else {
      const response = await exchange.whole();
      isBroken = plan.kind === 'cut' || status !== 200 ? false : response.isBroken;
    }
    // A turn that ran when the program was killed is recorded nowhere.
    if (isBroken || hasKilled()) return null;
    return { plan, id: String(headers['x-codex-pool-request']), status, endedAt: performance.now() };
  } catch (error) {
    if (hasKilled()) return null;
    throw error;
  }
}

const noTokens: TurnUsage = { input: 0, cached: 0, output: 0, reasoning: 0 };
const reportsUsage = (kind: Kind): boolean => kind !== 'cut' && kind !== 'leaves-early';

/** The amount that a turn adds to the sums. */
function owed({ plan, status }: Seen): TurnUsage & { turns: number } {
  if (status !== 200) return { ...noTokens, turns: 0 };
  return { ...(reportsUsage(plan.kind) ? plan.usage : noTokens), turns: 1 };
}

function sumOf(all: readonly (TurnUsage & { turns: number })[]) {
  const sums = { turns: 0, input: 0, cached: 0, output: 0, reasoning: 0 };
  for (const it of all) {
    sums.turns += it.turns;
    sums.input += it.input;
    sums.cached += it.cached;
    sums.output += it.output;
    sums.reasoning += it.reasoning;
  }
  return sums;
}

describe.each(databaseDrivers)('the usage of 500 mixed turns (%s)', (driver) => {
  it(
    `is recorded to the token, across a kill -9 in the middle (seed ${SEED})`,
    { timeout: 40_000 },
    async () => {
      await using fakeUpstream = await FakeUpstream.start({ accounts: ['a', 'b', 'c'] });
      const plans = planned();
      for (const name of ['a', 'b', 'c']) fakeUpstream.account(name).always(custom(serving(plans)));
      await using folders = await Folders.create(fakeUpstream, ['a', 'b', 'c'], using(driver));
      let program = await folders.start();
      const seen: Seen[] = [];
      let killedAt: number | null = null;
      let next = 0;

      const work = async (until: number): Promise<void> => {
        for (let plan = plans[next]; next < until && plan !== undefined; plan = plans[next]) {
          next += 1;
          const result = await played(program, plan, () => killedAt !== null && until === KILL_AT);
          if (result !== null) seen.push(result);
          // The kill comes while the other turns of this moment run.
          if (until === KILL_AT && next >= until && killedAt === null) {
            killedAt = performance.now();
            program.child.kill('SIGKILL');
          }
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, () => work(KILL_AT)));
      await program.child.ended;
      program = await folders.start();
      await Promise.all(Array.from({ length: AT_ONCE }, () => work(TURNS)));

      // The mix was real: every kind occurred, and most turns were served.
      for (const kind of kinds)
        expect(seen.some((it) => it.plan.kind === kind && it.status === 200)).toBe(true);
      expect(seen.filter((it) => it.status === 200).length).toBeGreaterThan(TURNS * 0.8);

      await program.untilHealth(
        (it) => it.details.usage.pending === 0 && it.details.pool.inFlight === 0,
        'rest',
      );
      const report = await program.json('/admin/usage?by=model');
      const accounts: { totals: TurnUsage & { turns: number } }[] = await program.json('/admin/accounts');
      expect(await program.stop()).toEqual({ code: 0, signal: null });
      const records = new Map((await folders.records()).map((it) => [it.id, it]));

      // Turns that got a local response reached no account and are not recorded.
      const missing = seen.filter((it) => !records.has(it.id) && it.plan.attempts > 0);
      const killed = killedAt ?? 0;
      const inLastBatch = seen.filter((it) => it.endedAt <= killed && it.endedAt > killed - LAST_BATCH_MS);
      process.stdout.write(
        `ledger: seed ${SEED}, ${seen.length} of ${TURNS} turns seen, ${records.size} on record, ` +
          `${missing.length} missing of ${inLastBatch.length} that ended in the last second before the kill\n`,
      );
      expect(missing.filter((it) => !inLastBatch.includes(it))).toEqual([]);

      for (const turn of seen) {
        const record = records.get(turn.id);
        if (record === undefined) continue;
        const { turns: _turns, ...tokens } = owed(turn);
        expect(record, `turn ${turn.plan.turn}, ${turn.plan.kind}`).toMatchObject(tokens);
        if (turn.status !== 200) continue;
        expect({ kind: turn.plan.kind, outcome: record.outcome }).toEqual({
          kind: turn.plan.kind,
          outcome:
            turn.plan.kind === 'cut' ? 'cut' : turn.plan.kind === 'leaves-early' ? 'client-gone' : 'complete',
        });
      }
      // Every record belongs to a turn that a client has seen, and the sums equal the ledger's.
      const known = new Set(seen.map((it) => it.id));
      expect([...records.keys()].filter((it) => !known.has(it))).toEqual([]);
      const ledger = sumOf(seen.filter((it) => records.has(it.id)).map(owed));
      expect(report.totals).toMatchObject(ledger);
      expect(sumOf(report.accounts)).toEqual(ledger);
      expect(sumOf(report.hours)).toEqual(ledger);
      expect(sumOf(accounts.map((it) => it.totals))).toEqual(ledger);
    },
  );
});

const usage: TurnUsage = { input: 123_457, cached: 99_991, output: 8_011, reasoning: 4_003 };

/** The record of a turn, as soon as it is written. */
async function recordOf(pool: TestPool, id: unknown): Promise<UsageRecord> {
  const database = pool.running.app.get(Database);
  for (let tries = 0; tries < 200; tries += 1) {
    await pool.client.get('/admin/usage').expect(200); // writes pending rows
    const found = await database.run(
      async (manager) => await manager.findOneBy(UsageRecord, { id: String(id) }),
    );
    if (found !== null) return found;
  }
  throw new Error(`no record of turn ${String(id)}`);
}

/** A `response.completed` of about this size, with its usage at the very end. */
function largeFinalEvent(bytes: number): string {
  const end = framed(completed(usage));
  return end.replace('"usage":', `"output":[{"text":"${'x'.repeat(bytes)}"}],"usage":`);
}

describe.each(databaseDrivers)('the record of a turn (%s)', (driver) => {
  it.each([
    ['after 20 MB of deltas', () => large(20 * 1_024 * 1_024, usage), 20 * 1_024 * 1_024],
    [
      'in a final event of 3 MB',
      () => raw(Buffer.from(framed(created()) + framed(delta('x')) + largeFinalEvent(3_000_000))),
      3_000_000,
    ],
    [
      'in a final event of 3 MB that comes in small pieces',
      () => {
        const bytes = Buffer.from(framed(created()) + framed(delta('x')) + largeFinalEvent(3_000_000));
        const pieces = [];
        for (let at = 0; at < bytes.length; at += 7_001) pieces.push(bytes.subarray(at, at + 7_001));
        return raw(pieces);
      },
      3_000_000,
    ],
    [
      'with CRLF and comments',
      () => streams({ usage, lineEnding: '\r\n' as const, comments: ['one', 'two'] }),
      500,
    ],
  ])('has the exact usage that comes %s', async (_how, response, atLeast) => {
    await using pool = await TestPool.start({ accounts: ['a'], env: using(driver) });
    pool.fakeUpstream.account('a').always(response());
    const turn = await send(
      pool.origin,
      turnWith(JSON.stringify(aTurn({ reasoning: { effort: 'high' } })), { 'session-id': 's' }),
    ).whole();
    expect(turn.isBroken).toBe(false);
    expect(turn.body.length).toBeGreaterThan(atLeast);
    const record = await recordOf(pool, turn.headers['x-codex-pool-request']);
    expect(record).toMatchObject({
      ...usage,
      status: 200,
      outcome: 'complete',
      attempts: 1,
      model: 'gpt-5.5',
      effort: 'high',
      bytes: turn.body.length,
    });
    expect(record.session).toMatch(/^[\w-]{22}$/);
    expect(record.accountId).toContain('a');
    expect(record.firstByteMs).toBeGreaterThanOrEqual(0);
    expect(record.totalMs).toBeGreaterThanOrEqual(record.firstByteMs ?? 0);
    expect((await pool.client.get('/admin/usage')).body.totals).toMatchObject({ turns: 1, ...usage });
    expect((await pool.account('a')).totals).toEqual({ turns: 1, ...usage });
  });

  it.each(['cut', 'reset'] as const)(
    'records a stream that was %s by upstream as cut, without tokens',
    async (how) => {
      await using pool = await TestPool.start({ accounts: ['a'], env: using(driver) });
      const upstream = controlled();
      pool.fakeUpstream.account('a').answers(upstream.response);
      const client = send(pool.origin, turnWith(JSON.stringify(aTurn())));
      upstream.send(created(), delta('first'));
      await client.untilText('first');
      upstream[how]();
      const response = await client.whole();
      expect(response.isBroken).toBe(true);
      const record = await recordOf(pool, response.headers['x-codex-pool-request']);
      expect(record).toMatchObject({ outcome: 'cut', status: 200, ...noTokens });
    },
  );

  it('records a client that left before the final event as gone, and one that left after it as complete', async () => {
    await using pool = await TestPool.start({ accounts: ['a'], env: using(driver) });
    for (const [last, outcome, tokens] of [
      [delta('first'), 'client-gone', noTokens],
      [completed(usage), 'complete', usage],
    ] as const) {
      const upstream = controlled();
      pool.fakeUpstream.account('a').answers(upstream.response);
      const client = send(pool.origin, turnWith(JSON.stringify(aTurn())));
      upstream.send(created(), delta('zero'), last);
      await client.untilText(last.type);
      await client.until(() => client.text.split(last.type).length >= 3, 'the event'); // its name and its data
      const { headers } = await client.head;
      client.leave();
      const record = await recordOf(pool, headers['x-codex-pool-request']);
      expect(record).toMatchObject({ outcome, status: 200, ...tokens });
    }
    expect((await pool.client.get('/admin/usage')).body.totals).toMatchObject({ turns: 2, ...usage });
  });

  it('counts the attempts, names the account that served in the end, and keeps refused turns out of the sums', async () => {
    await using pool = await TestPool.start({ env: using(driver) });
    const refusal = custom(
      (_req, res) => void res.writeHead(400, { 'content-type': 'application/json' }).end('{}'),
    );
    pool.fakeUpstream.account('a').answers(refusal);
    pool.fakeUpstream.account('b').answers(refusal);
    const refused = await send(pool.origin, turnWith(JSON.stringify(aTurn()))).whole();
    expect(refused.status).toBe(400);
    const record = await recordOf(pool, refused.headers['x-codex-pool-request']);
    expect(record).toMatchObject({ status: 400, attempts: 1, ...noTokens });
    expect((await pool.client.get('/admin/usage')).body.totals).toMatchObject({ turns: 0, ...noTokens });
  });
});

const weekly = (usedPercent: number) => ({ usedPercent, windowSeconds: 604_800, resetsInSeconds: 300_000 });

describe.each(databaseDrivers)('recorded state (%s)', { timeout: 30_000 }, (driver) => {
  it('of the last batch is on disk after SIGTERM, including a turn that ended during the drain', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    const upstream = controlled();
    await using folders = await Folders.create(fakeUpstream, ['a'], using(driver));
    const program = await folders.start();
    fakeUpstream.account('a').always(streams({ usage }));
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) ids.push(String((await program.turn()).headers['x-codex-pool-request']));
    fakeUpstream.account('a').answers(upstream.response);
    const draining = program.send();
    upstream.send(delta('first'));
    await draining.untilText('first');
    ids.push(String((await draining.head).headers['x-codex-pool-request']));
    program.child.kill('SIGTERM');
    await program.child.until(({ stdout }) => (stdout.includes('stopping') ? true : null), 'the shutdown');
    upstream.send(completed(usage));
    upstream.end();
    expect(await program.child.ended).toEqual({ code: 0, signal: null });
    const records = await folders.records();
    expect(records.map((it) => it.id).toSorted()).toEqual(ids.toSorted());
    for (const it of records) expect(it).toMatchObject({ outcome: 'complete', ...usage });
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'of sessions, quota and totals is restored after %s and a restart',
    async (signal) => {
      await using fakeUpstream = await FakeUpstream.start({ accounts: ['a', 'b'] });
      // The first session goes to b; from then on a is the better choice, so only affinity explains b.
      fakeUpstream.account('a').usage(weekly(50)).always(streams({ usage }));
      fakeUpstream.account('b').usage(weekly(10)).always(streams({ usage }));
      await using folders = await Folders.create(fakeUpstream, ['a', 'b'], using(driver));
      const before = await folders.start();
      const isPolled = (name: string) =>
        fakeUpstream.log.some((it) => it.account === name && it.path.endsWith('/wham/accounts/check'));
      await fakeUpstream.until(() => isPolled('a') && isPolled('b'), 'the first polls');
      fakeUpstream.account('b').usage(weekly(90));
      const first = await before.turn({ 'session-id': 'bound' });
      expect(first.headers['x-codex-pool-account']).toBe('b');
      if (signal === 'SIGKILL') {
        await before.untilRecorded(1);
        await before.kill9();
      } else {
        await before.stop();
      }
      // Upstream reports nothing new, so the state must come from the disk.
      for (const name of ['a', 'b']) fakeUpstream.account(name).usageResponses(500, 'out of order');
      const after = await folders.start();
      const accounts: { name: string; windows: object[]; totals: object }[] =
        await after.json('/admin/accounts');
      expect(accounts.map(({ name, windows, totals }) => ({ name, windows, totals }))).toEqual([
        {
          name: 'a',
          windows: [expect.objectContaining({ durationSeconds: 604_800, usedRatio: 0.5 })],
          totals: { turns: 0, ...noTokens },
        },
        {
          name: 'b',
          windows: [expect.objectContaining({ durationSeconds: 604_800, usedRatio: 0.9 })],
          totals: { turns: 1, ...usage },
        },
      ]);
      const bound = await after.turn({ 'session-id': 'bound' });
      expect(bound.headers['x-codex-pool-account']).toBe('b');
      const fresh = await after.turn({ 'session-id': 'fresh' });
      expect(fresh.headers['x-codex-pool-account']).toBe('a');
      expect((await after.json('/admin/usage')).totals.turns).toBe(3);
    },
  );
});
