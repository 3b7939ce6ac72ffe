import { link, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FakeClock, SECOND } from '../../support/fake-clock.js';
import { polled } from '../../support/pool/first-poll.js';
import { ALMOST, fileOf, LONG_SECONDS, newest } from '../../support/pool/held-refresh.js';
import { said } from '../../support/pool/pool-files.js';
import { TestPool } from '../../support/pool/pool.js';

const WARNING = 'the credential file has hard links and is written in place; a symbolic link is safer';

const otherName = (pool: TestPool): string => join(pool.folder, 'codex-auth.json');

/** A pool in which the file of account a has a second name and a long note, half a minute before its token expires. */
async function linked(onWritten: () => void = () => undefined, clock = new FakeClock()): Promise<TestPool> {
  const pool = await TestPool.start({
    accounts: ['a'],
    clock,
    onRefreshStep: (step) => {
      if (step === 'written') onWritten();
    },
  });
  await polled(pool);
  // Longer than the new text, of which no old remainder may follow.
  const padded = JSON.stringify({ ...(await pool.readAuth('a')), note: 'mine' }, null, 40);
  await writeFile(fileOf(pool, 'a'), padded);
  await link(fileOf(pool, 'a'), otherName(pool));
  clock.advance(ALMOST);
  pool.fakeUpstream.tokens.lifetimeSeconds = LONG_SECONDS;
  return pool;
}

async function expectNewest(pool: TestPool): Promise<void> {
  const [mine, other] = await Promise.all([stat(fileOf(pool, 'a')), stat(otherName(pool))]);
  expect(mine).toMatchObject({ ino: other.ino, nlink: 2 });
  expect(mine.mode & 0o777).toBe(0o600);
  const written = JSON.parse(await readFile(otherName(pool), 'utf8'));
  expect(written).toMatchObject({ note: 'mine', tokens: newest(pool) });
}

describe('a credential file with a hard link', () => {
  it('gets new tokens under both names, with one warning', async () => {
    await using pool = await linked();
    await pool.turn().expect(200);
    await expectNewest(pool);
    for (const _again of [1, 2]) {
      await pool.client.post('/admin/accounts/a/refresh').expect(200);
      await expectNewest(pool);
      await pool.client.post('/admin/reload').expect(200);
    }
    expect(said(pool, WARNING)).toEqual([expect.stringContaining('"a"')]);
    expect(await pool.account('a')).toMatchObject({ available: true, warnings: [] });
    expect(pool.fakeUpstream.tokens.reuses).toBe(0);
  });

  it.each<[string, (text: string) => number]>([
    ['at its start', () => 20],
    ['in the access token', (text) => text.indexOf('"access_token": "') + 300],
    ['in the refresh token', (text) => text.indexOf('"refresh_token": "') + 30],
    ['before its end', (text) => text.length - 5],
    ['before the rest of the old text was cut off', (text) => text.length],
  ])('that a crash has left half written, %s, is completed by the next start', async (_where, cutAt) => {
    let isCut = false;
    await using pool = await linked(() => {
      if (isCut) return;
      isCut = true;
      throw new Error('cut off'); // the journal still has the tokens and the text
    });
    const old = await readFile(fileOf(pool, 'a'), 'utf8');
    await pool.turn().expect(200);
    await pool.running.stop();
    const text = await readFile(fileOf(pool, 'a'), 'utf8');
    const at = cutAt(text);
    await writeFile(fileOf(pool, 'a'), text.slice(0, at) + old.slice(at));
    const next = await pool.restart();
    try {
      await expectNewest(next);
      await next.turn().expect(200);
      await next.client.post('/admin/accounts/a/refresh').expect(200);
      await expectNewest(next);
      expect(pool.fakeUpstream.tokens.reuses).toBe(0);
    } finally {
      await next.running.stop();
    }
  });

  it('that has got newer tokens after such a crash keeps them', async () => {
    const clock = new FakeClock();
    let isCut = false;
    await using pool = await linked(() => {
      if (isCut) return;
      isCut = true;
      throw new Error('cut off');
    }, clock);
    await pool.turn().expect(200);
    await pool.running.stop();
    clock.advance(2 * SECOND);
    const login = pool.fakeUpstream.account('a').loginAgain(LONG_SECONDS);
    await pool.writeAuth('a', login);
    const next = await pool.restart();
    try {
      expect(await next.readAuth('a')).toEqual(login);
    } finally {
      await next.running.stop();
    }
  });
});
