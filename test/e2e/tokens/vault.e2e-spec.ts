import { chown, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type RefreshStep, refreshSteps } from '../../../src/tokens/refresh-state.js';
import { TokenService } from '../../../src/tokens/token.service.js';
import { DAY, FakeClock, MINUTE, SECOND } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool, type TestPoolOptions } from '../../support/pool/pool.js';
import { send } from '../../support/clients/raw-client.js';
import { ALMOST, fileOf, LONG_SECONDS, newest } from '../../support/pool/held-refresh.js';

const OVER = 10 * DAY + MINUTE;
const reload = (pool: TestPool) => pool.client.post('/admin/reload').expect(200);
const cron = async (pool: TestPool) => await pool.running.app.get(TokenService).refreshDue();

async function journalOf(pool: TestPool): Promise<string> {
  const folder = join(pool.folder, 'pool', '.journal');
  const files = await readdir(folder);
  expect(files).toHaveLength(1);
  return join(folder, files[0] ?? '');
}

/** A pool with the account `a`, half a minute before its token expires. */
async function almostOver(options: TestPoolOptions = {}) {
  const clock = new FakeClock();
  const pool = await TestPool.start({ accounts: ['a'], ...options, clock });
  await polled(pool);
  clock.advance(ALMOST);
  pool.fakeUpstream.tokens.lifetimeSeconds = LONG_SECONDS;
  return { pool, clock };
}

/** Ends the refresh of account `a` right after this step, then restarts on the same folders. */
async function cutAfter(last: RefreshStep) {
  let isCut = false;
  const { pool, clock } = await almostOver({
    onRefreshStep: (step) => {
      if (step !== last || isCut) return;
      isCut = true;
      throw new Error('cut off');
    },
  });
  await pool.turn().expect(200); // its token is good for another half minute
  const file = await pool.readAuth('a');
  return { pool: await pool.restart(), clock, file };
}

describe('a refresh', () => {
  it('performs its steps in order', async () => {
    const steps: RefreshStep[] = [];
    const { pool } = await almostOver({ onRefreshStep: (step) => steps.push(step) });
    await using _it = pool;
    await pool.turn().expect(200);
    expect(steps).toEqual(refreshSteps);
  });

  it('writes the new tokens to the journal before the file, and leaves none there', async () => {
    const seen: Promise<{ journal: string; file: string }>[] = [];
    const { pool } = await almostOver({
      onRefreshStep: (step) => {
        if (step !== 'journaled') return;
        // Reads synchronously, before the next step.
        seen.push(
          journalOf(pool).then(async (path) => ({
            journal: await readFile(path, 'utf8'),
            file: await readFile(fileOf(pool, 'a'), 'utf8'),
          })),
        );
      },
    });
    await using _it = pool;
    await pool.turn().expect(200);
    const [found] = await Promise.all(seen);
    expect(found?.journal).toContain(newest(pool).refresh_token);
    const path = await journalOf(pool);
    const { mode, size } = await stat(path);
    expect(mode & 0o777).toBe(0o600);
    expect(size).toBe(131_072);
    expect((await readFile(path)).every((byte) => byte === 0)).toBe(true);
  });

  it.skipIf(process.getuid?.() !== 0)('keeps the owner of another user’s file', async () => {
    const { pool } = await almostOver();
    await using _it = pool;
    await chown(fileOf(pool, 'a'), 12_345, 12_345);
    await pool.turn().expect(200);
    expect(await stat(fileOf(pool, 'a'))).toMatchObject({ uid: 12_345, gid: 12_345 });
    expect((await pool.readAuth('a')).tokens).toMatchObject(newest(pool));
  });
});

describe('a refresh that is interrupted at a step', () => {
  it('is finished by the next start when the journal has the response', async () => {
    const { pool, file } = await cutAfter('journaled');
    await using _it = pool;
    expect(file.tokens.refresh_token).not.toBe(newest(pool).refresh_token);
    expect((await pool.readAuth('a')).tokens).toMatchObject(newest(pool));
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.tokens).toMatchObject({ reuses: 0, requests: [{ account: 'a' }] });
  });

  it('is also finished by the same process at its next refresh', async () => {
    let isCut = false;
    const { pool, clock } = await almostOver({
      onRefreshStep: (step) => {
        if (step !== 'journaled' || isCut) return;
        isCut = true;
        throw new Error('cut off');
      },
    });
    await using _it = pool;
    await pool.turn().expect(200);
    clock.advance(2 * MINUTE);
    await pool.turn().expect(200);
    expect((await pool.readAuth('a')).tokens).toMatchObject(newest(pool));
    expect(pool.fakeUpstream.tokens).toMatchObject({ reuses: 0, requests: [{ account: 'a' }] });
  });

  it('is complete when the file was written', async () => {
    const { pool } = await cutAfter('written');
    await using _it = pool;
    expect((await pool.readAuth('a')).tokens).toMatchObject(newest(pool));
    expect((await readFile(await journalOf(pool))).every((byte) => byte === 0)).toBe(true);
    expect(pool.fakeUpstream.tokens).toMatchObject({ reuses: 0, requests: [{ account: 'a' }] });
  });

  it('does not send the refresh token again while the access token is good', async () => {
    const { pool, clock } = await cutAfter('announced');
    await using _it = pool;
    expect(await pool.account('a')).toMatchObject({ available: true, refresh: 'in-doubt' });
    await cron(pool);
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.tokens.requests).toEqual([]);
    clock.advance(MINUTE); // nothing is left to lose now
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.tokens).toMatchObject({ reuses: 0, requests: [{ account: 'a' }] });
    expect(await pool.account('a')).toMatchObject({ available: true, refresh: 'idle' });
  });

  it('is no longer in doubt once the file has other tokens', async () => {
    const { pool } = await cutAfter('announced');
    await using _it = pool;
    const login = pool.fakeUpstream.account('a').loginAgain();
    await pool.writeAuth('a', { ...login, last_refresh: '2099-01-01T00:00:00.000Z' });
    await reload(pool);
    expect(await pool.account('a')).toMatchObject({ available: true, refresh: 'idle' });
    expect(pool.fakeUpstream.tokens.requests).toEqual([]);
  });
});

describe('older tokens', () => {
  it('that return to the file are copied aside and overwritten by the newest', async () => {
    const { pool } = await almostOver();
    await using _it = pool;
    const before = await pool.readAuth('a');
    await pool.turn().expect(200);
    await pool.writeAuth('a', { ...before, last_refresh: '2020-01-01T00:00:00.000Z' });
    await reload(pool);
    expect((await pool.readAuth('a')).tokens).toMatchObject(newest(pool));
    const removed = await readdir(join(pool.folder, 'pool', '.removed'));
    expect(removed).toHaveLength(1);
    const copy = await readFile(join(pool.folder, 'pool', '.removed', removed[0] ?? ''), 'utf8');
    expect(copy).toContain(before.tokens.refresh_token);
    const again = await pool.restart();
    await again.turn().expect(200);
    expect(pool.fakeUpstream.tokens).toMatchObject({ reuses: 0, requests: [{ account: 'a' }] });
  });

  it('are adopted anyway by an account that needs a login', async () => {
    const { pool, clock } = await almostOver();
    await using _it = pool;
    const other = pool.fakeUpstream.account('a').loginAgain();
    pool.fakeUpstream.tokens.answers({ status: 401, body: { error: { code: 'refresh_token_reused' } } });
    clock.advance(2 * MINUTE);
    await pool.turn().expect(400 + 103);
    expect(await pool.account('a')).toMatchObject({ reason: 'needs-login' });
    await pool.writeAuth('a', { ...other, last_refresh: '2020-01-01T00:00:00.000Z' });
    await reload(pool);
    await pool.turn().expect(200);
  });

  it('in a second file of the account are not used, whatever its name', async () => {
    const { pool } = await almostOver({ accounts: ['b'] });
    await using _it = pool;
    const old = await pool.readAuth('b');
    await pool.turn().expect(200);
    await pool.writeAuth('a', old);
    await reload(pool);
    const again = await pool.restart(); // rules out newer tokens in memory as the reason
    expect(await again.account('a')).toMatchObject({
      available: false,
      reason: expect.stringContaining('b.json'),
    });
    expect(await again.account('b')).toMatchObject({ available: true });
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
  });
});

describe('a wrong clock', () => {
  it.each([
    ['a year ahead', 365 * DAY],
    ['a year behind', -365 * DAY],
  ])('by %s causes no storm of refreshes', async (_which, offset) => {
    const clock = new FakeClock(Date.now() + offset);
    const accounts = ['a', 'b', 'c', 'd', 'e'];
    await using pool = await TestPool.start({ accounts, clock, upstreamNow: Date.now });
    await polled(pool);
    for (let round = 0; round < 5; round += 1) {
      await cron(pool);
      clock.advance(MINUTE);
      for (const _account of accounts) await pool.turn().expect(200);
    }
    // At most one per token: several answers must agree before the clock is corrected.
    expect(pool.fakeUpstream.tokens.requests.length).toBeLessThanOrEqual(accounts.length);
    expect(pool.fakeUpstream.tokens.reuses).toBe(0);
  });

  it('does not keep tokens that upstream calls expired; they are refreshed', async () => {
    const clock = new FakeClock(Date.now() - 365 * DAY);
    await using pool = await TestPool.start({ accounts: ['a'], clock, upstreamNow: Date.now });
    await polled(pool);
    pool.fakeUpstream.account('a').expireAccessToken();
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
  });
});

describe('refreshes ahead of time', () => {
  it('of tokens that live shorter than the leeway happen once, not every minute', async () => {
    const { pool, clock } = await almostOver();
    await using _it = pool;
    pool.fakeUpstream.tokens.lifetimeSeconds = 600;
    for (let minute = 0; minute < 5; minute += 1) {
      await cron(pool);
      clock.advance(MINUTE);
    }
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(1);
  });

  it('are spaced, and a turn that needs one does not queue behind them', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a', 'b', 'c'], clock });
    await polled(pool);
    pool.fakeUpstream.tokens.lifetimeSeconds = LONG_SECONDS;
    clock.advance(OVER);
    const held = pool.fakeUpstream.tokens.hold();
    const due = cron(pool);
    await held.arrived; // the first by name; the others wait
    expect(pool.fakeUpstream.tokens.requests).toMatchObject([{ account: 'a' }]);
    for (const account of pool.registry.list())
      if (account.name === 'a') pool.registry.configure(account, { ...account.settings, isPaused: true });
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(2);
    held.release();
    await due;
    expect(new Set(pool.fakeUpstream.tokens.requests.map((it) => it.account))).toEqual(
      new Set(['a', 'b', 'c']),
    );
    expect(pool.fakeUpstream.tokens.requests).toHaveLength(3);
    const cronAt = pool.fakeUpstream.tokens.requests.filter((_it, index) => index !== 1).map((it) => it.at);
    const [first = 0, last = 0] = cronAt;
    expect(last - first).toBeGreaterThanOrEqual(SECOND);
  });
});

/** Sends the refresh of `a` and holds its response. */
async function waiting() {
  const { pool, clock } = await almostOver();
  const held = pool.fakeUpstream.tokens.hold({ afterRotation: true });
  const turn = send(pool);
  await held.arrived;
  return { pool, clock, held, turn };
}

describe('while a refresh waits for its response', () => {
  it('a renamed file gets the tokens under its new name, even when the first response is a failure', async () => {
    const { pool, clock } = await almostOver();
    await using _it = pool;
    pool.fakeUpstream.tokens.answers({ status: 500, body: {} });
    const held = pool.fakeUpstream.tokens.hold();
    const turn = send(pool);
    await held.arrived;
    await rename(fileOf(pool, 'a'), fileOf(pool, 'b'));
    await reload(pool);
    held.release();
    await turn;
    expect(await pool.account('b')).toMatchObject({ refresh: 'waiting' });
    clock.advance(MINUTE);
    await pool.turn().expect(200);
    expect((await pool.readAuth('b')).tokens).toMatchObject(newest(pool));
  });

  it('a newer login in the file is neither overwritten nor forgotten', async () => {
    const { pool, held, turn } = await waiting();
    await using _it = pool;
    const login = {
      ...pool.fakeUpstream.account('a').loginAgain(2 * LONG_SECONDS),
      last_refresh: '2099-01-01T00:00:00.000Z',
    };
    await pool.writeAuth('a', login);
    await reload(pool);
    held.release();
    await turn;
    expect(await pool.readAuth('a')).toEqual(login);
    await pool.turn().expect(200);
    expect(pool.fakeUpstream.turns().at(-1)?.headers.authorization).toBe(
      `Bearer ${login.tokens.access_token}`,
    );
  });

  it('no request is sent until a partial write by Codex is complete', async () => {
    const { pool } = await almostOver();
    await using _it = pool;
    const login = pool.fakeUpstream.account('a').loginAgain(LONG_SECONDS);
    const text = JSON.stringify({ ...login, last_refresh: '2099-01-01T00:00:00.000Z' });
    await writeFile(fileOf(pool, 'a'), text.slice(0, 100));
    const turn = pool.turn().expect(200);
    const served = turn.then(() => true);
    for (const _look of [1, 2, 3]) await pool.client.get('/healthz').expect(200);
    await writeFile(fileOf(pool, 'a'), text);
    await served;
    expect(pool.fakeUpstream.tokens.requests).toEqual([]);
    expect(pool.fakeUpstream.turns().at(-1)?.headers.authorization).toBe(
      `Bearer ${login.tokens.access_token}`,
    );
  });
});

describe('a pause after a failure', () => {
  it('is over when the clock has been set back', async () => {
    const { pool, clock } = await almostOver();
    await using _it = pool;
    clock.advance(DAY); // wrong, but no upstream response has shown it yet
    pool.fakeUpstream.tokens.answers({ status: 500, body: {} });
    await pool.turn();
    clock.advance(-DAY + MINUTE);
    await pool.turn().expect(200);
    expect((await pool.readAuth('a')).tokens).toMatchObject(newest(pool));
  });
});
