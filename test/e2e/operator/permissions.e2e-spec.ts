import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { call } from '../../support/clients/raw-http.js';
import { databaseDrivers } from '../../support/program/database-drivers.js';
import { Folders } from '../../support/program/usage-program.js';

/** The modes of all files and folders below a folder that are not private, by path. */
async function openIn(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const path of ['', ...(await readdir(folder, { recursive: true }))]) {
    const facts = await stat(join(folder, path)).catch(() => null); // SQLite removes files
    const mode = (facts?.mode ?? 0) & 0o777;
    if ((mode & 0o077) !== 0) found[path] = mode.toString(8);
  }
  return found;
}

/** Makes everything below a folder accessible to all. */
async function openUp(folder: string): Promise<void> {
  for (const path of ['', ...(await readdir(folder, { recursive: true }))]) {
    const isFolder = (await stat(join(folder, path))).isDirectory();
    await chmod(join(folder, path), isFolder ? 0o755 : 0o666);
  }
}

describe.each(databaseDrivers)('the files of the program, with %s', (driver) => {
  it(
    'are readable by their owner only, whatever the umask and their modes before',
    { timeout: 60_000 },
    async () => {
      await using fakeUpstream = await FakeUpstream.start({ accounts: ['a', 'b'] });
      await using folders = await Folders.create(fakeUpstream, ['a', 'b'], { PROXY_SQLITE_DRIVER: driver });
      const pool = join(folders.path, 'pool');
      await chmod(pool, 0o755); // as from a checkout
      await writeFile(join(pool, 'README.md'), '');
      const first = await folders.start('umask 000');
      fakeUpstream.account('a').expireAccessToken();
      fakeUpstream.account('b').expireAccessToken();
      for (const _turn of [1, 2]) expect((await first.turn()).status).toBe(200);
      await first.untilRecorded(2);
      await call(first.origin, { method: 'DELETE', path: '/admin/accounts/b' });
      expect(await readdir(folders.data)).toEqual(expect.arrayContaining(['proxy.db-wal', 'proxy.db-shm']));
      expect(await readdir(pool)).toEqual(expect.arrayContaining(['.journal', '.removed']));
      expect(await openIn(folders.data)).toEqual({});
      expect(await openIn(pool)).toEqual({ 'README.md': '644' });
      await first.kill9(); // leaves the other files of the database
      await writeFile(`${folders.database}.damaged-2026-01-01T00-00-00.000Z`, '');
      await writeFile(join(pool, 'README.md'), '');
      await openUp(folders.data);
      await openUp(pool);
      const second = await folders.start('umask 000');
      expect((await second.turn()).status).toBe(200);
      await second.untilRecorded(3);
      expect(await openIn(folders.data)).toEqual({});
      expect(await openIn(pool)).toEqual({ 'README.md': '666' });
      expect(second.log).not.toContain('other users can enter this folder');
    },
  );
});

describe('a folder that is shared on purpose', { timeout: 60_000 }, () => {
  it.each<[string, (folder: string) => Promise<void>, string]>([
    ['has other entries', async (it) => mkdir(join(it, 'sessions')).then(() => undefined), '755'],
    ['is open to writers', async (it) => chmod(it, 0o775), '775'],
  ])('because it %s keeps its mode, with a warning, and its files are private', async (_how, share, mode) => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    await using folders = await Folders.create(fakeUpstream, ['a']);
    const pool = join(folders.path, 'pool');
    await chmod(pool, 0o755);
    await chmod(join(pool, 'a.json'), 0o644);
    await share(pool);
    const program = await folders.start();
    expect((await program.turn()).status).toBe(200);
    expect(program.log).toContain('other users can enter this folder');
    const open = await openIn(pool);
    delete open['sessions'];
    expect(open).toEqual({ '': mode });
  });
});
