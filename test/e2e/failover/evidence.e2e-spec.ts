import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { refuses } from '../../../src/fake-upstream/script/responses.js';
import { deactivated, rateLimit, usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { AccountEvidenceRow } from '../../../src/accounts/evidence/account-evidence.entity.js';
import { Database } from '../../../src/storage/database.js';
import { databaseDrivers, type TestedDriver, using } from '../../support/program/database-drivers.js';
import { OtherProgram } from '../../support/disk/database-process.js';
import { aTurn, TestPool } from '../../support/pool/pool.js';
import { said } from '../../support/pool/pool-files.js';
import { fileOf } from '../../support/pool/held-refresh.js';
import { Folders, Talk } from '../../support/program/usage-program.js';

const RESETS_IN_SECONDS = 3_600;
const NO_MODEL = { detail: "The 'gpt-9' model is not supported when using Codex with a ChatGPT account." };

/** Makes polls fail, so that evidence comes from turns only and, after a restart, from the disk. */
function withoutPolls(fakeUpstream: FakeUpstream): void {
  for (const name of ['a', 'b']) fakeUpstream.account(name).usageResponses(500, 'out of order');
}

/** Account a is the first choice, regardless of its quota. */
const A_FIRST = { PROXY_POLICY: 'fill-first' };

const started = async (driver: TestedDriver): Promise<TestPool> =>
  await TestPool.start({ prepare: withoutPolls, env: { ...A_FIRST, ...using(driver) } });

const database = (pool: TestPool): string => join(pool.folder, 'data', 'proxy.db');

/** Sends a turn; returns the accounts tried, of which the last one served it. */
async function attemptsOf(pool: TestPool, body = aTurn()): Promise<string[]> {
  const before = pool.fakeUpstream.attempts().length;
  await pool.turn({}, body).expect(200);
  return pool.fakeUpstream.attempts().slice(before);
}

/** Returns when the row of account a was last written, or null without a row. */
async function updatedAt(pool: TestPool): Promise<number | null> {
  const rows = await pool.running.app
    .get(Database)
    .run(async (manager) => await manager.find(AccountEvidenceRow));
  return rows.find((it) => it.accountId.startsWith('acct-a'))?.updatedAt ?? null;
}

describe.each(databaseDrivers)('an account’s evidence (%s)', { timeout: 60_000 }, (driver) => {
  it.each(['SIGTERM', 'SIGKILL'] as const)(
    'survives %s: an account at its limit gets no turn before its reset',
    async (signal) => {
      await using fakeUpstream = await FakeUpstream.start({ accounts: ['a', 'b'] });
      withoutPolls(fakeUpstream);
      fakeUpstream.account('a').always(usageLimit({ resetsInSeconds: RESETS_IN_SECONDS }));
      await using folders = await Folders.create(fakeUpstream, ['a', 'b'], { ...A_FIRST, ...using(driver) });
      const before = await folders.start();
      expect((await before.turn()).status).toBe(200);
      expect(fakeUpstream.attempts()).toEqual(['a', 'b']);
      const [known] = await before.json('/admin/accounts');
      expect(known).toMatchObject({ name: 'a', reason: 'quota-exhausted' });
      if (signal === 'SIGKILL') {
        // The row is written behind, well within a second.
        await before.untilHealth((it) => it.details.usage.pending === 0, 'the refusal to be written');
        await before.kill9();
      } else {
        await before.stop();
      }
      const after = await folders.start();
      for (let i = 0; i < 3; i += 1) expect((await after.turn()).status).toBe(200);
      expect(fakeUpstream.attempts()).toEqual(['a', 'b', 'b', 'b', 'b']);
      const [again] = await after.json('/admin/accounts');
      expect(again).toMatchObject({ name: 'a', reason: 'quota-exhausted', until: known.until });
    },
  );

  it('keeps a deactivated account out across restarts until a successful poll', async () => {
    const first = await started(driver);
    first.fakeUpstream.account('a').answers(deactivated());
    expect(await attemptsOf(first)).toEqual(['a', 'b']);
    await using pool = await first.restart();
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'deactivated' });
    expect(await attemptsOf(pool)).toEqual(['b']);
    pool.fakeUpstream
      .account('a')
      .usage({ usedPercent: 3, windowSeconds: 604_800, resetsInSeconds: 300_000 });
    await pool.client.post('/admin/accounts/a/poll').expect(200);
    expect(await pool.account('a')).toMatchObject({ available: true });
    await using last = await pool.restart();
    expect(await last.account('a')).toMatchObject({ available: true });
  });

  it('keeps only the refused model away after a restart', async () => {
    const first = await started(driver);
    first.fakeUpstream.account('a').answers(refuses(400, NO_MODEL));
    expect(await attemptsOf(first, aTurn({ model: 'gpt-9' }))).toEqual(['a', 'b']);
    await using pool = await first.restart();
    expect(await attemptsOf(pool, aTurn({ model: 'gpt-9' }))).toEqual(['b']);
    expect(await attemptsOf(pool)).toEqual(['a']);
  });

  it('keeps an account with an invalid login out, without another refresh, until a new login', async () => {
    const first = await started(driver);
    first.fakeUpstream.account('a').expireAccessToken().revokeRefreshToken();
    expect(await attemptsOf(first)).toEqual(['a', 'b']);
    expect(await first.account('a')).toMatchObject({ reason: 'needs-login' });
    await using pool = await first.restart();
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'needs-login' });
    expect(await attemptsOf(pool)).toEqual(['b']);
    expect(pool.fakeUpstream.tokens.requestsFor('a')).toHaveLength(1);
    await pool.running.stop();
    await pool.writeAuth('a', pool.fakeUpstream.account('a').loginAgain());
    await using last = await pool.restart();
    expect(await last.account('a')).toMatchObject({ available: true, refresh: 'idle' });
    expect(await attemptsOf(last)).toEqual(['a']);
  });

  it('is restored when the credential file returns, and ends with a new login', async () => {
    await using pool = await started(driver);
    pool.fakeUpstream.account('a').answers(deactivated());
    expect(await attemptsOf(pool)).toEqual(['a', 'b']);
    const json = await pool.readAuth('a');
    await rm(fileOf(pool, 'a'));
    await pool.client.post('/admin/reload').expect(200);
    expect(pool.registry.list().map((it) => it.name)).toEqual(['b']);
    await pool.writeAuth('a', json);
    await pool.client.post('/admin/reload').expect(200);
    expect(await pool.account('a')).toMatchObject({ available: false, reason: 'deactivated' });
    await rm(fileOf(pool, 'a'));
    await pool.client.post('/admin/reload').expect(200);
    // The file is absent at this startup and returns afterwards.
    await using later = await pool.restart();
    await later.writeAuth('a', json);
    await later.client.post('/admin/reload').expect(200);
    expect(await later.account('a')).toMatchObject({ available: false, reason: 'deactivated' });
    await rm(fileOf(later, 'a'));
    await later.client.post('/admin/reload').expect(200);
    await later.writeAuth('a', later.fakeUpstream.account('a').loginAgain());
    await later.client.post('/admin/reload').expect(200);
    expect(await later.account('a')).toMatchObject({ available: true });
  });

  it('is dropped with one log line when unreadable, and other accounts’ evidence is kept', async () => {
    const first = await started(driver);
    for (const name of ['a', 'b']) first.fakeUpstream.account(name).answers(deactivated());
    await first.turn().expect(503);
    await first.running.stop();
    {
      await using other = await OtherProgram.open(database(first));
      await other.run(`UPDATE account_evidence SET evidence = '{"refusal":' WHERE account_id LIKE 'acct-a%'`);
    }
    await using pool = await first.restart();
    expect(await pool.account('a')).toMatchObject({ available: true });
    expect(await pool.account('b')).toMatchObject({ available: false, reason: 'deactivated' });
    expect(await attemptsOf(pool)).toEqual(['a']);
    expect(said(pool, 'stored evidence is unreadable; starting without it')).toHaveLength(1);
  });

  it('is written behind: no turn waits for a locked database, and nothing is lost', async () => {
    const first = await started(driver);
    const program = new Talk(first.origin);
    // Every refusal changes the evidence of both accounts. None waits for the previous write.
    for (const name of ['a', 'b']) first.fakeUpstream.account(name).always(rateLimit('0.001'));
    await first.turn();
    await program.untilHealth((it) => it.details.usage.pending === 0, 'the first refusal to be written');
    {
      await using other = await OtherProgram.open(database(first));
      await other.run('BEGIN EXCLUSIVE');
      const waits: number[] = [];
      for (let i = 0; i < 20; i += 1) {
        const sentAt = performance.now();
        await first.turn().expect(429);
        waits.push(performance.now() - sentAt);
      }
      // One statement waits for the lock for a second. The turns waited for none.
      expect(Math.max(...waits)).toBeLessThan(900);
      first.fakeUpstream.account('a').always(usageLimit({ resetsInSeconds: RESETS_IN_SECONDS }));
      first.fakeUpstream.account('b').always(deactivated());
      await first.turn();
      await program.untilHealth((it) => it.details.usage.trouble !== null, 'the lock to be reported');
      await other.run('ROLLBACK');
    }
    await program.untilHealth((it) => it.details.usage.pending === 0, 'everything to be written');
    await using pool = await first.restart();
    expect(await pool.account('a')).toMatchObject({ reason: 'quota-exhausted' });
    expect(await pool.account('b')).toMatchObject({ reason: 'deactivated' });
  });

  it('is written when it changes, not for every served turn', async () => {
    await using pool = await started(driver);
    const program = new Talk(pool.origin);
    const writtenAt = async (): Promise<unknown> => {
      await program.untilHealth((it) => it.details.usage.pending === 0, 'everything to be written');
      return await updatedAt(pool);
    };
    await pool.turn().expect(200);
    const afterTheFirst = await writtenAt();
    expect(afterTheFirst).toEqual(expect.any(Number));
    for (let i = 0; i < 5; i += 1) await pool.turn().expect(200);
    expect(await writtenAt()).toBe(afterTheFirst);
    pool.fakeUpstream.account('a').answers(rateLimit(1));
    await pool.turn().expect(200);
    expect(await writtenAt()).toBeGreaterThan(Number(afterTheFirst));
  });
});
