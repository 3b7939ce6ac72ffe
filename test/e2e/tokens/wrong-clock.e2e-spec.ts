import { describe, expect, it } from 'vitest';
import type { TokenFault } from '../../../src/fake-upstream/authorization/token-endpoint.js';
import { TokenService } from '../../../src/tokens/token.service.js';
import { FakeClock, HOUR, MINUTE, SECOND } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';

const ONE_HOUR = 3_600;
const accounts = ['a', 'b'].map((name) => ({ name, accessTokenLifetimeSeconds: ONE_HOUR }));

/** The real time, this machine's clock, and the `date` that upstream sends. */
interface Clocks {
  /** How far this machine's clock is ahead of the real time, ms. */
  readonly machineMs: number;
  /** How far the `date` of the n-th answer on a path is ahead of the real time, ms; null: no `date`. */
  readonly dateMs: (answer: number, path: string) => number | null;
}

/** A pool whose tokens last an hour of the real time. */
class Clocked implements AsyncDisposable {
  private constructor(
    readonly pool: TestPool,
    private readonly machine: FakeClock,
    private readonly real: FakeClock,
  ) {}

  static async start({ machineMs, dateMs }: Clocks): Promise<Clocked> {
    const real = new FakeClock();
    const machine = new FakeClock(real.now() + machineMs);
    const answers = new Map<string, number>();
    const pool = await TestPool.start({
      accounts,
      clock: machine,
      upstreamNow: () => real.now(),
      prepare: (fakeUpstream) => {
        fakeUpstream.tokens.lifetimeSeconds = ONE_HOUR;
        fakeUpstream.dates = (path) => {
          const answer = (answers.get(path) ?? 0) + 1;
          answers.set(path, answer);
          const aheadMs = dateMs(answer, path);
          return aheadMs === null ? null : real.now() + aheadMs;
        };
      },
    });
    await polled(pool);
    return new Clocked(pool, machine, real);
  }

  advance(ms: number): void {
    this.machine.advance(ms);
    this.real.advance(ms);
  }

  /** What happens each minute: a round of refreshes, of polls, and a turn for each account. */
  async minute(): Promise<void> {
    await this.pool.running.app.get(TokenService).refreshDue();
    for (const { name } of accounts) {
      await this.pool.client.post(`/admin/accounts/${name}/poll`);
      this.advance(SECOND);
      await this.pool.turn().expect(200);
    }
    this.advance(MINUTE);
  }

  requestsOf(account: string): number {
    return this.pool.fakeUpstream.tokens.requestsFor(account).length;
  }

  /** Turns that upstream has refused for their token. */
  refused(): number {
    return this.pool.fakeUpstream.turns().filter((it) => it.status === 401).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool[Symbol.asyncDispose]();
  }
}

const isCheck = (path: string): boolean => path.endsWith('/accounts/check');

const cases: [string, Clocks][] = [
  ['all answers carry a date two hours ahead', { machineMs: 0, dateMs: () => 2 * HOUR }],
  ['all answers carry a date two hours behind', { machineMs: 0, dateMs: () => -2 * HOUR }],
  ["this machine's clock is two hours ahead", { machineMs: 2 * HOUR, dateMs: () => 0 }],
  ["this machine's clock is two hours behind", { machineMs: -2 * HOUR, dateMs: () => 0 }],
  // The account check is the last answer before a turn.
  [
    'one answer is wrong',
    { machineMs: 0, dateMs: (nth, path) => (isCheck(path) && nth === 4 ? 2 * HOUR : 0) },
  ],
  ['every second answer is wrong', { machineMs: 0, dateMs: (_, path) => (isCheck(path) ? 2 * HOUR : 0) }],
  ['all answers disagree', { machineMs: 0, dateMs: (nth, path) => (nth + (isCheck(path) ? 50 : 0)) * HOUR }],
  ['no answer carries a date', { machineMs: 2 * HOUR, dateMs: () => null }],
];

describe('a clock that disagrees', { timeout: 60_000 }, () => {
  it.each(cases)('costs no turn and at most one refresh per token when %s', async (_case, clocks) => {
    await using it = await Clocked.start(clocks);
    // Within the life of the tokens in the files.
    for (let turn = 0; turn < 40; turn += 1) await it.pool.turn().expect(200);
    for (let minute = 0; minute < 20; minute += 1) await it.minute();
    for (const { name } of accounts) expect(it.requestsOf(name)).toBeLessThanOrEqual(1);
    expect(it.refused()).toBe(0);
    expect(it.pool.fakeUpstream.tokens.reuses).toBe(0);
    for (const { name } of accounts) expect(await it.pool.account(name)).toMatchObject({ available: true });
  });

  it.each(cases.slice(0, 4))('leaves the end of a token to upstream when %s', async (_case, clocks) => {
    await using it = await Clocked.start(clocks);
    for (let tenth = 0; tenth < 18; tenth += 1) {
      await it.minute();
      it.advance(9 * MINUTE);
    }
    // Three hours: a token is refreshed after 45 minutes, and the one from the file after 60 at the latest.
    for (const { name } of accounts) expect(it.requestsOf(name)).toBeLessThanOrEqual(5);
    for (const { name } of accounts) expect(it.requestsOf(name)).toBeGreaterThanOrEqual(1);
    expect(it.pool.fakeUpstream.tokens.reuses).toBe(0);
  });

  it.each<[string, readonly TokenFault[]]>([
    ['fails', Array.from({ length: 40 }, () => ({ status: 503, body: {} }))],
    ['refuses for good', [{ status: 401, body: { error: { code: 'refresh_token_invalidated' } } }]],
  ])('refuses no turn, and takes no account out, while the token endpoint %s', async (_case, faults) => {
    await using it = await Clocked.start({ machineMs: 2 * HOUR, dateMs: () => null });
    const { pool } = it;
    await pool.client.patch('/admin/accounts/b').send({ paused: true }).expect(200);
    // The startup has refreshed them. The files of a login by another program are as suspect.
    it.advance(MINUTE);
    await pool.writeAuth('a', pool.fakeUpstream.account('a').loginAgain(2 * ONE_HOUR - 60));
    pool.fakeUpstream.tokens.answers(...faults);
    await pool.client.post('/admin/reload').expect(200);
    const before = it.requestsOf('a');
    for (let turn = 0; turn < 40; turn += 1) await pool.turn({ 'session-id': 's-1' }).expect(200);
    expect(it.requestsOf('a') - before).toBe(1);
    expect(it.refused()).toBe(0);
    const account = await pool.account('a');
    expect(account).toMatchObject({
      available: true,
      warnings: [expect.stringContaining('it serves only if no other account can')],
    });
    await pool.client.patch('/admin/accounts/b').send({ paused: false }).expect(200);
    for (const session of ['s-1', 's-2', 's-1']) {
      const { headers } = await pool.turn({ 'session-id': session }).expect(200);
      expect(headers['x-codex-pool-account']).toBe('b');
    }
    expect(it.refused()).toBe(0);
  });

  it('is not shown by answers that a cache has stored', async () => {
    await using it = await Clocked.start({ machineMs: 0, dateMs: () => 0 });
    it.pool.fakeUpstream.on('GET', '/backend-api/wham/usage', (_req, res) => {
      const body = { plan_type: 'plus', rate_limit: null, credits: null };
      res.setHeader('date', new Date(Date.now() + 2 * HOUR).toUTCString()); // from a clock that is wrong
      res.setHeader('age', '5');
      res.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    });
    for (let minute = 0; minute < 5; minute += 1) await it.minute();
    expect(it.pool.logger.lines.join('\n')).not.toContain("differs from upstream's");
    for (const { name } of accounts) expect(it.requestsOf(name)).toBe(0);
  });

  it('is corrected once several answers agree, and logged once', async () => {
    await using it = await Clocked.start({ machineMs: 2 * HOUR, dateMs: () => 0 });
    for (let minute = 0; minute < 5; minute += 1) await it.minute();
    const said = it.pool.logger.lines.filter((line) => line.includes("differs from upstream's"));
    expect(said).toHaveLength(1);
    // Tokens in a file are good by upstream's clock.
    await it.pool.writeAuth('a', it.pool.fakeUpstream.account('a').loginAgain());
    await it.pool.client.post('/admin/reload').expect(200);
    const before = it.requestsOf('a');
    for (let minute = 0; minute < 5; minute += 1) await it.minute();
    expect(it.requestsOf('a')).toBe(before);
  });
});
