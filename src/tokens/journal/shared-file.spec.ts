import { chmod, mkdir, mkdtemp, readdir, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SharedFile } from './shared-file.js';

const asking = { refreshToken: 'f', at: 2, isAgain: false };
let folder = '';
const at = (...names: string[]): string => join(folder, ...names);

const hold = async (path: string, patienceMs = 0) =>
  await SharedFile.lock(path, [at('run', 'codex-pool'), at('tmp', 'codex-pool-1')], patienceMs);

async function held(path: string, patienceMs = 0): Promise<SharedFile> {
  const file = await hold(path, patienceMs);
  if (file === null || file === 'busy') throw new Error(`${path} is not held, but ${String(file)}`);
  return file;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'codex-pool-test-'));
  for (const name of ['logins', 'one', 'two', 'tmp']) await mkdir(at(name));
  await writeFile(at('logins', 'a.json'), '{}');
  await writeFile(at('logins', 'b.json'), '{}');
  await symlink('logins', at('same-logins'));
  await symlink('../logins/a.json', at('one', 'x.json'));
  await symlink('../same-logins/a.json', at('two', 'y.json'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

describe('a credential file that several pool folders link', () => {
  it('has one holder at a time, on every path to it', async () => {
    const first = await held(at('one', 'x.json'));
    expect(await hold(at('two', 'y.json'))).toBe('busy');
    expect(await hold(at('same-logins', 'a.json'))).toBe('busy');
    await using _other = await held(at('logins', 'b.json'));
    const waiting = held(at('two', 'y.json'), 5_000);
    await first[Symbol.asyncDispose]();
    await using _next = await waiting;
  });

  it('keeps its lock name when it is replaced, as each refresh does', async () => {
    await using _first = await held(at('one', 'x.json'));
    await writeFile(at('logins', 'new'), '{}');
    await rename(at('logins', 'new'), at('logins', 'a.json'));
    expect(await hold(at('two', 'y.json'))).toBe('busy');
  });

  it('shows the next holder the last token request, until it is cleared', async () => {
    {
      await using one = await held(at('one', 'x.json'));
      expect(await one.asking()).toBeNull();
      await one.note({ ...asking, refreshToken: 'f'.repeat(64) });
      await one.note(asking);
    }
    {
      await using two = await held(at('two', 'y.json'));
      expect(await two.asking()).toEqual(asking);
      await two.note(null);
    }
    await using one = await held(at('one', 'x.json'));
    expect(await one.asking()).toBeNull();
  });

  it('is not locked when it does not exist', async () => {
    expect(await hold(at('one', 'z.json'))).toBeNull();
  });
});

const locksIn = async (name: string): Promise<number> => (await readdir(at(name))).length;

describe('the folder for locks', () => {
  it('is open to its owner only, and tightened if necessary', async () => {
    await mkdir(at('run', 'codex-pool'), { recursive: true });
    await chmod(at('run', 'codex-pool'), 0o777);
    await using _it = await held(at('one', 'x.json'));
    expect((await stat(at('run', 'codex-pool'))).mode & 0o777).toBe(0o700);
    const [name = ''] = await readdir(at('run', 'codex-pool'));
    expect((await stat(at('run', 'codex-pool', name))).mode & 0o777).toBe(0o600);
  });

  it.each<[string, () => Promise<void>]>([
    ['a link', async () => symlink(at('two'), at('run', 'codex-pool'))],
    ['a file', async () => writeFile(at('run', 'codex-pool'), '')],
  ])('is replaced by the next one when %s is in its place', async (_what, put) => {
    await mkdir(at('run'));
    await put();
    await using _it = await held(at('one', 'x.json'));
    expect(await locksIn('tmp')).toBe(1);
    expect(await locksIn('two')).toBe(1);
  });
});
