import { rename, rm, writeFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { streams } from '../../../src/fake-upstream/script/responses.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { databaseDrivers, using } from '../../support/program/database-drivers.js';
import { TestPool } from '../../support/pool/pool.js';

const usage = { input: 1_000, cached: 900, output: 50, reasoning: 20 };

async function report(pool: TestPool, query = '') {
  const { body } = await pool.client.get(`/admin/usage${query}`).expect(200);
  return body;
}

describe.each(databaseDrivers)('recorded usage (%s)', (driver) => {
  it('has exact totals, accounts and hours right after the turn', async () => {
    await using pool = await TestPool.start({ env: using(driver) });
    pool.fakeUpstream.account('a').always(streams({ usage }));
    for (let i = 0; i < 3; i += 1) await pool.turn({ 'session-id': 's' }).expect(200);
    const { totals, accounts, hours } = await report(pool);
    const sums = { turns: 3, input: 3_000, cached: 2_700, output: 150, reasoning: 60 };
    expect(totals).toMatchObject(sums);
    expect(accounts).toEqual([expect.objectContaining({ name: 'a', ...sums })]);
    expect(hours).toEqual([{ at: Math.floor(Date.now() / 3_600_000) * 3_600_000, ...sums }]);
  });

  it('splits by model and by account, within the requested time span', async () => {
    await using pool = await TestPool.start({ env: using(driver) });
    pool.fakeUpstream.account('a').answers(streams({ usage }), usageLimit());
    pool.fakeUpstream.account('b').always(streams({ usage }));
    await pool.turn({}, { model: 'gpt-1', input: [] }).expect(200);
    await pool.turn({}, { model: 'gpt-2', input: [] }).expect(200);
    const byModel = await report(pool, '?by=model&bucket=day');
    expect(byModel.hours.map((it: { model: string; turns: number }) => [it.model, it.turns])).toEqual([
      ['gpt-1', 1],
      ['gpt-2', 1],
    ]);
    const byAccount = await report(pool, '?by=account');
    expect(byAccount.hours.map((it: { name: string }) => it.name).toSorted()).toEqual(['a', 'b']);
    expect(await report(pool, '?to=2020-01-01')).toMatchObject({ totals: { turns: 0 }, hours: [] });
    await pool.client
      .get('/admin/usage?bucket=week')
      .expect(400)
      .expect('content-type', /problem/);
  });

  it('survives a restart, as do sessions and quota', async () => {
    const first = await TestPool.start({ env: using(driver) });
    first.fakeUpstream.account('b').always(streams({ usage }));
    first.fakeUpstream.account('a').answers(usageLimit());
    await first.turn({ 'session-id': 'moved' }).expect(200);
    first.fakeUpstream.account('a').usage({ usedPercent: 10, windowSeconds: 604_800 });
    await using second = await first.restart();
    expect(await second.account('b')).toMatchObject({ totals: { turns: 1, input: 1_000 } });
    expect((await report(second)).totals).toMatchObject({ turns: 1, output: 50 });
    const response = await second.turn({ 'session-id': 'moved' }).expect(200);
    expect(response.headers['x-codex-pool-account']).toBe('b');
  });
});

describe.each(databaseDrivers)('the history of a quota window (%s)', (driver) => {
  it('contains every observed change, oldest first', async () => {
    await using pool = await TestPool.start({ env: using(driver) });
    for (const usedPercent of [20, 20, 30]) {
      pool.fakeUpstream.account('a').usage({ usedPercent, windowSeconds: 604_800 });
      await pool.turn({ 'session-id': 's' }).expect(200);
    }
    const { body } = await pool.client.get('/admin/accounts/a/quota').expect(200);
    const seen = body.filter((it: { durationSeconds: number }) => it.durationSeconds === 604_800);
    expect(seen.map((it: { usedRatio: number }) => it.usedRatio).slice(-2)).toEqual([0.2, 0.3]);
    await pool.client.get('/admin/accounts/unknown/quota').expect(404);
    await pool.client.get('/admin/accounts/a/quota?since=soon').expect(400);
    for (const key of ['1e309', '', 'x', '-1']) {
      const cursor = Buffer.from(JSON.stringify([1, key])).toString('base64url');
      await pool.client.get(`/admin/accounts/a/quota?cursor=${cursor}`).expect(400);
    }
  });
});

describe.each(databaseDrivers)('a database that cannot be used (%s)', (driver) => {
  it('is set aside if it is not a database, and a new one is created', async () => {
    const first = await TestPool.start({ env: using(driver) });
    const file = join(first.folder, 'data', 'proxy.db');
    await first.running.stop();
    for (const suffix of ['-wal', '-shm']) await rm(file + suffix, { force: true });
    await writeFile(file, 'this is no database, '.repeat(1_000));
    await using pool = await first.restart();
    await pool.turn().expect(200);
    expect((await report(pool)).totals.turns).toBe(1);
    const kept = await readdir(join(pool.folder, 'data'));
    expect(kept.filter((it) => it.includes('damaged'))).toHaveLength(1);
    expect(pool.logger.lines.join('\n')).toContain('setting it aside');
  });

  it('is created again after it is moved away while the program runs', async () => {
    await using pool = await TestPool.start({ env: using(driver) });
    await pool.turn().expect(200);
    await report(pool);
    const file = join(pool.folder, 'data', 'proxy.db');
    await rename(file, `${file}.moved`);
    await pool.turn().expect(200);
    expect((await report(pool)).totals.turns).toBe(1);
    expect(await pool.account('a')).toMatchObject({ totals: { turns: 2 } });
  });
});
