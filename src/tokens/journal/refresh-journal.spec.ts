import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../config/app.config.js';
import { Secret } from '../../runtime/secret.js';
import type { JournalEntry } from './journal-entry.js';
import { RefreshJournal } from './refresh-journal.js';

const ID = 'acct:user';

function grantEntry(refreshToken: string): JournalEntry {
  const grant = { accessToken: new Secret('at'), refreshToken: new Secret(refreshToken), idToken: null };
  return { unsaved: { grant, at: 1, spent: ['f'] }, asking: null };
}

describe('RefreshJournal', () => {
  let folder: string;
  let journal: RefreshJournal;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'codex-pool-test-'));
    await mkdir(join(folder, 'pool'));
    const config = { POOL_DIR: join(folder, 'pool'), PROXY_DB_PATH: join(folder, 'data', 'proxy.db') };
    journal = new RefreshJournal(loadConfig(config));
  });
  afterEach(async () => await rm(folder, { recursive: true }));

  const path = async (place = 'pool') => {
    const [name = ''] = await readdir(join(folder, place, '.journal'));
    return join(folder, place, '.journal', name);
  };
  /** Reads the entry as a new process. */
  async function found(): Promise<JournalEntry | null> {
    await using held = await journal.lock(ID, 0);
    return (await held?.entry()) ?? null;
  }
  async function write(entry: JournalEntry): Promise<void> {
    await using held = await journal.lock(ID, 0);
    await held?.write(entry);
  }

  it('allocates its space before anything is written', async () => {
    expect(await found()).toBeNull();
    const { size, blocks, mode } = await stat(await path());
    expect(size).toBe(131_072);
    expect(blocks * 512).toBeGreaterThanOrEqual(size); // not a hole, which a full disk could not fill
    expect(mode & 0o777).toBe(0o600);
  });

  it('returns the last entry, also to the next process', async () => {
    await write(grantEntry('rt-1'));
    const entry = await found();
    expect(entry?.unsaved?.grant.refreshToken?.reveal()).toBe('rt-1');
    expect(entry?.unsaved).toMatchObject({ at: 1, spent: ['f'] });
    await write({ unsaved: null, asking: { refreshToken: 'f', at: 2, isAgain: false } });
    expect(await found()).toEqual({ unsaved: null, asking: { refreshToken: 'f', at: 2, isAgain: false } });
  });

  it('leaves nothing of a longer entry behind a shorter one, and nothing at all once cleared', async () => {
    await write(grantEntry('rt-'.padEnd(50_000, 'x')));
    await write(grantEntry('rt-2'));
    await write(grantEntry('rt-3')); // the previous entry stays, in case the last one is torn
    expect(await readFile(await path(), 'utf8')).not.toContain('xxx');
    await using held = await journal.lock(ID, 0);
    await held?.clear();
    const bytes = await readFile(await path());
    expect(bytes.length).toBe(131_072);
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  it('falls back to the previous entry when a write is torn', async () => {
    await write({ unsaved: null, asking: { refreshToken: 'f', at: 2, isAgain: false } });
    await write(grantEntry('rt-1'));
    const bytes = await readFile(await path());
    await writeFile(await path(), bytes.fill(0, bytes.indexOf('rt-1')));
    expect(await found()).toEqual({ unsaved: null, asking: { refreshToken: 'f', at: 2, isAgain: false } });
  });

  it('is found in the other folder when the pool folder becomes writable again', async () => {
    await writeFile(join(folder, 'pool', '.journal'), 'in the way');
    await write(grantEntry('rt-1'));
    await rm(join(folder, 'pool', '.journal'));
    expect((await found())?.unsaved?.grant.refreshToken?.reveal()).toBe('rt-1');
    expect(await readFile(await path('pool'), 'utf8')).toContain('rt-1');
    expect((await readFile(await path('data'))).every((byte) => byte === 0)).toBe(true);
  });

  it('is left unchanged when both folders are the same', async () => {
    await symlink(join(folder, 'pool'), join(folder, 'data'));
    await write(grantEntry('rt-1'));
    expect((await found())?.unsaved?.grant.refreshToken?.reveal()).toBe('rt-1');
    expect((await found())?.unsaved?.grant.refreshToken?.reveal()).toBe('rt-1');
  });

  it('rejects an entry that is too large, and keeps the previous one', async () => {
    await write(grantEntry('rt-1'));
    await expect(write(grantEntry('rt-'.padEnd(70_000, 'x')))).rejects.toThrow('too large');
    expect((await found())?.unsaved?.grant.refreshToken?.reveal()).toBe('rt-1');
  });

  it.each([
    ['cut off in the middle', (bytes: Buffer) => bytes.fill(0, 150)],
    ['with a byte that is wrong', (bytes: Buffer) => bytes.fill('z', 120, 121)],
    ['of another program', () => Buffer.from('something else')],
  ])('ignores an entry %s', async (_what, damaged) => {
    await write(grantEntry('rt-1'));
    await writeFile(await path(), damaged(await readFile(await path())));
    expect(await found()).toBeNull();
  });

  it('has one holder at a time per account', async () => {
    const first = await journal.lock(ID, 0);
    expect(await journal.lock(ID, 0)).toBeNull();
    await using other = await journal.lock('another', 0);
    expect(other).not.toBeNull();
    const waiting = journal.lock(ID, 5_000);
    await first?.[Symbol.asyncDispose]();
    await using next = await waiting;
    expect(next).not.toBeNull();
  });

  it('goes beside the database when the pool folder accepts none', async () => {
    await writeFile(join(folder, 'pool', '.journal'), 'in the way');
    await write(grantEntry('rt-1'));
    expect(await readFile(await path('data'), 'utf8')).toContain('rt-1');
    expect((await found())?.unsaved).not.toBeNull();
  });

  it('stores nothing, and says so, when no disk accepts one', async () => {
    await writeFile(join(folder, 'pool', '.journal'), 'in the way');
    await writeFile(join(folder, 'data'), 'in the way');
    await using held = await journal.lock(ID, 0);
    expect(held?.isOnDisk).toBe(false);
    await expect(held?.write(grantEntry('rt-1'))).rejects.toThrow('no disk accepts a journal');
    expect(await journal.lock(ID, 0)).toBeNull(); // the lock is exclusive anyway
  });
});
