import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Summary, summarySchema } from '../../../src/api/summary.js';
import { limits } from '../../../src/config/limits.js';
import {
  deactivated,
  edgeBlock,
  forbidden,
  rateLimit,
  unauthorized,
} from '../../../src/fake-upstream/script/refusals.js';
import { hangs, raw, refuses } from '../../../src/fake-upstream/script/responses.js';
import { spark } from '../../../src/fake-upstream/script/meter.js';
import { Drain } from '../../../src/runtime/drain.js';
import { send } from '../../support/clients/raw-client.js';
import { FakeClock, HOUR, MINUTE } from '../../support/fake-clock.js';
import { servedBy } from '../../support/pool/admin.js';
import { polled } from '../../support/pool/first-poll.js';
import { fileOf } from '../../support/pool/held-refresh.js';
import { TestPool } from '../../support/pool/pool.js';
import { isServedBy, movesToB, startRanked, turnOf } from '../../support/pool/ranked-accounts.js';

async function summaryOf(pool: TestPool): Promise<Summary> {
  const { body } = await pool.client.get('/admin/summary').expect(200);
  return summarySchema.parse(body);
}

/** The problems, as `code account action`. */
const problemsOf = async (pool: TestPool): Promise<string[]> =>
  (await summaryOf(pool)).problems.map((it) => [it.code, it.account, it.action].join(' '));

const paused = (pool: TestPool, name: string, settings: object = { paused: true }) =>
  pool.client.patch(`/admin/accounts/${name}`).send(settings).expect(200);

describe('the verdict', () => {
  it('names the account that a new session gets', async () => {
    await using pool = await startRanked();
    const { verdict, accounts, ready, policy, plan } = await summaryOf(pool);
    expect(verdict).toEqual({
      kind: 'serves',
      sentence: 'Serves · next: a · 2 of 2 ready',
      next: 'a',
      backAt: null,
    });
    expect({ accounts, ready, policy, plan }).toEqual({
      accounts: 2,
      ready: 2,
      policy: 'fill-first',
      plan: 'plus',
    });
    await paused(pool, 'a');
    expect((await summaryOf(pool)).verdict).toMatchObject({
      next: 'b',
      sentence: expect.stringContaining('1 of 2'),
    });
  });

  it('takes no turn away: round-robin goes on where it was', async () => {
    await using pool = await startRanked({ accounts: ['a', 'b', 'c'], env: { PROXY_POLICY: 'round-robin' } });
    const served: (string | undefined)[] = [];
    const told: (string | null)[] = [];
    for (let i = 0; i < 4; i += 1) {
      told.push((await summaryOf(pool)).verdict.next, (await summaryOf(pool)).verdict.next);
      served.push(await servedBy(pool));
    }
    expect(served).toEqual(['a', 'b', 'c', 'a']);
    expect(told).toEqual(['a', 'a', 'b', 'b', 'c', 'c', 'a', 'a']);
    expect((await summaryOf(pool)).inFlight).toBe(0);
  });

  it('is last in line on credits', async () => {
    await using pool = await startRanked({
      accounts: ['a'],
      prepare: (it) =>
        void it
          .account('a')
          .usage({ usedPercent: 100, windowSeconds: 18_000 })
          .allows(true)
          .credits({ hasCredits: true, unlimited: false, balance: '1' }),
    });
    expect((await summaryOf(pool)).verdict).toMatchObject({
      kind: 'serves-last-in-line',
      sentence: 'Serves on credits only · next: a',
    });
  });

  it('is full while every account is at its cap', async () => {
    await using pool = await startRanked({ accounts: ['a'] });
    await paused(pool, 'a', { maxInFlight: 1 });
    const silent = hangs(raw(turnOf('a')));
    pool.fakeUpstream.account('a').answers(silent);
    const turn = send(pool);
    await pool.fakeUpstream.until(() => pool.fakeUpstream.turns().length === 1, 'the turn');
    expect(await summaryOf(pool)).toMatchObject({
      verdict: { kind: 'full', next: null },
      inFlight: 1,
      ready: 0,
    });
    silent.release();
    await turn;
  });

  it('waits for the first account that is back, with the cause of each', async () => {
    const clock = new FakeClock();
    await using pool = await startRanked({ clock });
    await movesToB(pool, [rateLimit(1_200)]);
    await paused(pool, 'b');
    const { verdict } = await summaryOf(pool);
    expect(verdict).toMatchObject({ kind: 'waits', next: null, backAt: clock.now() + 20 * MINUTE });
    expect(verdict.sentence).toMatch(/^Nothing until .+ \(in 20 min\): a is resting, b is paused$/);
    expect(await problemsOf(pool)).toContain('paused b resume');
    await paused(pool, 'b', { pausedUntil: clock.now() + MINUTE });
    expect((await summaryOf(pool)).verdict.backAt).toBe(clock.now() + MINUTE);
    clock.advance(MINUTE);
    expect((await summaryOf(pool)).verdict).toMatchObject({ kind: 'serves', next: 'b' });
  });

  it('needs a person, or a first account', async () => {
    await using pool = await startRanked({ files: { 'broken.json': '{' } });
    await paused(pool, 'a');
    await paused(pool, 'b');
    expect((await summaryOf(pool)).verdict).toMatchObject({
      kind: 'needs-person',
      backAt: null,
      sentence: 'Nothing until a person acts: a and b are paused, broken has no usable file',
    });
    await using empty = await TestPool.start({ accounts: [] });
    expect(await summaryOf(empty)).toMatchObject({
      verdict: { kind: 'none-yet', next: null },
      plan: null,
      windows: [],
      clientSeenAt: null,
    });
    expect(await problemsOf(empty)).toEqual(['empty-pool  add-account']);
  });

  it('says that the way is blocked, and by what', async () => {
    await using pool = await startRanked();
    pool.fakeUpstream.account('a').answers(edgeBlock());
    pool.fakeUpstream.account('b').answers(edgeBlock());
    await send(pool);
    expect((await summaryOf(pool)).verdict).toMatchObject({
      kind: 'way-blocked',
      sentence: expect.stringMatching(/^The way to chatgpt\.com is blocked: the network edge/),
    });
    expect(await problemsOf(pool)).toContain('upstream-edge-block  ');
    await send(pool);
    expect((await summaryOf(pool)).verdict).toMatchObject({ kind: 'serves' });
  });

  it('is that the program stops', async () => {
    await using pool = await startRanked({ accounts: ['a'] });
    const stopped = pool.running.app.get(Drain).start(1_000);
    const { body, status } = await pool.client.get('/admin/summary');
    expect(status === 503 || body.verdict.kind === 'stopping').toBe(true);
    await stopped;
  });
});

describe('the problems', () => {
  it('are what a person can do something about, and go when it is done', async () => {
    await using pool = await startRanked({ files: { 'broken.json': '{' } });
    expect(await problemsOf(pool)).toEqual(['no-turn-yet  set-up', 'broken-file broken reload']);
    pool.fakeUpstream.account('a').expireAccessToken().revokeRefreshToken();
    await movesToB(pool, [unauthorized()]);
    expect(await problemsOf(pool)).toEqual(['needs-login a login', 'broken-file broken reload']);
    const [problem] = (await summaryOf(pool)).problems;
    expect(problem?.sentence).toMatch(/^a needs a login: its turns go to other accounts\.$/);
    await pool.writeAuth('a', pool.fakeUpstream.account('a').loginAgain());
    await writeFile(fileOf(pool, 'broken'), '{}', { mode: 0o600 });
    await pool.client.post('/admin/reload').expect(200);
    expect(await problemsOf(pool)).toEqual(['broken-file broken reload']);
  });

  it('tell a deactivated account', async () => {
    await using pool = await startRanked();
    await movesToB(pool, [deactivated()]);
    expect(await problemsOf(pool)).toEqual(['deactivated a login']);
  });

  it('tell a database that is off', async () => {
    await using pool = await startRanked({ accounts: ['a'] });
    const data = join(pool.folder, 'data');
    await rename(data, `${data}.aside`);
    await writeFile(data, 'a plain file');
    await isServedBy(pool, 'a');
    await pool.client.patch('/admin/accounts/a').send({ label: 'x' }).expect(200);
    expect(await problemsOf(pool)).toContain('database-off  ');
  });

  it('tell turns that bypass the proxy', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ clock, accounts: ['a'] });
    await polled(pool);
    for (let i = 0; i < limits.bypassModelRequests; i += 1) {
      await pool.client.get('/v1/models?client_version=0.150.0');
      clock.advance(limits.bypassMs);
    }
    expect(await problemsOf(pool)).toEqual(['turns-bypass  set-up']);
  });

  it('are bounded; the rest is counted', async () => {
    const names = Array.from({ length: 200 }, (_, index) => `n${index}.json`);
    const files = Object.fromEntries(names.map((it) => [it, '{']));
    await using pool = await startRanked({ accounts: ['a'], files });
    const { accounts, problems } = await summaryOf(pool);
    expect(accounts).toBe(201);
    expect(problems).toHaveLength(limits.summaryProblems);
    expect(problems.at(-1)).toMatchObject({
      code: 'more-problems',
      sentence: '152 more problems are not listed.',
    });
  });
});

describe("today's sums", () => {
  it('count turns, failovers and failures; turns survive a restart', async () => {
    await using pool = await startRanked();
    expect(await summaryOf(pool)).toMatchObject({ today: { turns: 0, failovers: 0, failed: 0 } });
    await isServedBy(pool, 'a');
    await movesToB(pool, [forbidden()]);
    pool.fakeUpstream.account('b').answers(refuses(400, { error: { code: 'bad', message: 'no' } }));
    await paused(pool, 'a');
    expect((await send(pool)).status).toBe(400);
    await paused(pool, 'b');
    expect((await send(pool)).status).toBeGreaterThanOrEqual(400); // no account: counted, though recorded nowhere
    const before = await summaryOf(pool);
    expect(before.today).toMatchObject({ turns: 2, failovers: 1, failed: 2 });
    expect(before.clientSeenAt).not.toBeNull();
    const again = await pool.restart();
    const { failovers, failed, ...sums } = (await summaryOf(again)).today;
    expect({ failovers, failed }).toEqual({ failovers: 0, failed: 0 });
    expect(before.today).toMatchObject(sums);
    expect(await problemsOf(again)).not.toContain('no-turn-yet  set-up');
    await again.running.stop();
  });
});

describe("the pool's quota", () => {
  it('has the windows of all accounts, and each named meter', async () => {
    await using pool = await startRanked({
      prepare: (it) => {
        it.account('a').usage({ usedPercent: 20, windowSeconds: 18_000, resetsInSeconds: 3_600 });
        it.account('b').usage({ usedPercent: 40, windowSeconds: 18_000, resetsInSeconds: 7_200 });
        it.account('b').meters(spark(91));
      },
    });
    const { windows, meters } = await summaryOf(pool);
    expect(windows).toMatchObject([{ durationSeconds: 18_000, usedRatio: expect.closeTo(0.3) }]);
    expect(meters).toMatchObject([
      {
        label: 'GPT-5.3-Codex-Spark',
        windows: [{ durationSeconds: 18_000, usedRatio: expect.closeTo(0.91) }],
      },
    ]);
    await paused(pool, 'b', { pausedUntil: Date.now() + HOUR });
    expect(await summaryOf(pool)).toMatchObject({
      windows: [{ usedRatio: expect.closeTo(0.2) }],
      meters: [],
    });
  });
});
