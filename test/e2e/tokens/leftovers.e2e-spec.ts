import { execFileSync } from 'node:child_process';
import { mkdir, readdir, rename, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { limits } from '../../../src/config/limits.js';
import { FolderCleanupCron } from '../../../src/tokens/folder-cleanup.cron.js';
import { DAY, FakeClock, HOUR } from '../../support/fake-clock.js';
import { fileOf } from '../../support/pool/held-refresh.js';
import { TestPool } from '../../support/pool/pool.js';

/** The id of a process that has ended. */
function deadPid(): number {
  return Number(execFileSync('sh', ['-c', 'echo $$'], { encoding: 'utf8' }));
}

const temporary = (base: string, pid: number | null, letter = 'a'): string =>
  `.${base}.${pid === null ? '' : `${pid}-`}${letter.repeat(12)}.tmp`;

const left = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((it) => it.endsWith('.tmp'));

/** The time in the name of a file that came to `.removed/` this long ago. */
const at = (ageMs: number): string => new Date(Date.now() - ageMs).toISOString().replaceAll(':', '-');

/** Restarts the pool; returns it, and stops it at the end. */
async function restarted(pool: TestPool, check: (next: TestPool) => Promise<void>): Promise<void> {
  const next = await pool.restart();
  try {
    await check(next);
  } finally {
    await next.running.stop();
  }
}

describe('temporary files of a crash', () => {
  it('are removed at startup, also beside a linked file, unless a living process writes them', async () => {
    await using pool = await TestPool.start({ accounts: ['a'] });
    const codex = join(pool.folder, 'codex');
    await mkdir(codex);
    await rename(fileOf(pool, 'a'), join(codex, 'auth.json'));
    await symlink(join(codex, 'auth.json'), fileOf(pool, 'a'));
    const dead = deadPid();
    const parent = process.ppid;
    const made: readonly (readonly [string, string, number, boolean])[] = [
      ['pool', temporary('a.json', dead), 0, false],
      ['pool', temporary('gone.json', dead), 0, false],
      ['pool', temporary('a.json', process.pid, 'b'), 2 * HOUR, false], // an earlier run with the same id
      ['pool', temporary('a.json', null, 'c'), HOUR, false], // an older version
      ['pool', temporary('a.json', null, 'd'), 0, true],
      ['pool', temporary('a.json', parent, 'e'), 0, true], // alive
      ['pool', temporary('a.json', parent, 'f'), 2 * HOUR, false], // a later process with that id
      ['pool', temporary('notes.txt', dead), 0, true],
      ['pool', '.a.json.tmp', 2 * HOUR, true],
      ['pool/.removed', temporary('a-x.json', dead), 0, false],
      ['codex', temporary('auth.json', dead), 0, false],
      ['codex', temporary('auth.json', parent), 0, true],
      ['codex', temporary('other.json', dead), 0, true],
    ];
    await mkdir(join(pool.folder, 'pool', '.removed'), { recursive: true });
    for (const [folder, name, ageMs] of made) {
      const path = join(pool.folder, folder, name);
      await writeFile(path, 'rt_made_up', { mode: 0o600 });
      const writtenAt = new Date(Date.now() - ageMs);
      await utimes(path, writtenAt, writtenAt);
    }
    await restarted(pool, async (next) => {
      for (const folder of ['pool', 'pool/.removed', 'codex']) {
        const expected = made
          .filter(([where, , , stays]) => where === folder && stays)
          .map(([, name]) => name);
        expect((await left(join(pool.folder, folder))).toSorted()).toEqual(expected.toSorted());
      }
      await next.turn().expect(200);
    });
  });
});

describe('a file in .removed', () => {
  it('stays for 30 days, and is deleted at the daily cleanup after that', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ clock });
    const folder = join(pool.folder, 'pool', '.removed');
    const longUnused = new Date(Date.now() - 100 * DAY);
    await utimes(fileOf(pool, 'a'), longUnused, longUnused);
    await pool.client.delete('/admin/accounts/a').expect(200);
    await writeFile(fileOf(pool, 'b'), '{');
    await pool.client.post('/admin/reload').expect(200); // keeps the tokens of b
    await writeFile(join(folder, 'mine.json'), '{}');
    const cron = pool.running.app.get(FolderCleanupCron);
    clock.advance(limits.removedFileMs - HOUR);
    await cron.deleteOldFiles();
    expect((await readdir(folder)).map((it) => it.slice(0, 1)).toSorted()).toEqual(['a', 'b', 'm']);
    clock.advance(2 * HOUR);
    await cron.deleteOldFiles();
    expect(await readdir(folder)).toEqual([expect.stringMatching(/^b-.*\.kept\.json$/)]); // b is still broken
  });

  it('is deleted at startup when it is older, by the time in its name or else by its own', async () => {
    await using pool = await TestPool.start();
    const folder = join(pool.folder, 'pool', '.removed');
    await mkdir(folder);
    const names = [`a-${at(31 * DAY)}.json`, `b-${at(31 * DAY)}.kept.json`, 'old.json'];
    const stay = [`a-${at(29 * DAY)}.json`, `b-${at(29 * DAY)}.kept.json`, 'new.json'];
    for (const name of [...names, ...stay]) await writeFile(join(folder, name), '{}');
    const longAgo = new Date(Date.now() - 31 * DAY);
    await utimes(join(folder, 'old.json'), longAgo, longAgo);
    await restarted(pool, async () => {
      const files = await readdir(folder);
      expect(files.map((it) => it.slice(0, 1)).toSorted()).toEqual(['a', 'b', 'n']);
      for (const name of names) expect(files).not.toContain(name);
    });
  });
});
