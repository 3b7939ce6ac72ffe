import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pathFaults } from './path-faults.js';

const isRoot = process.getuid?.() === 0;
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'codex-pool-paths-'));
  writeFileSync(join(folder, 'file'), 'text');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const faultsOf = (poolDir: string, dbPath: string) =>
  pathFaults({ poolDir: join(folder, poolDir), dbPath: join(folder, dbPath) });

describe('the paths of the settings', () => {
  it('are created, for their owner only', () => {
    expect(faultsOf('a/pool', 'b/data/proxy.db')).toEqual([]);
    for (const made of ['a/pool', 'b/data']) expect(statSync(join(folder, made)).mode & 0o777).toBe(0o700);
    expect(faultsOf('a/pool', 'b/data/proxy.db')).toEqual([]);
  });

  it('may be links, and an existing database', () => {
    mkdirSync(join(folder, 'real'));
    symlinkSync(join(folder, 'real'), join(folder, 'link'));
    writeFileSync(join(folder, 'real', 'x.db'), '');
    expect(faultsOf('link', 'link/x.db')).toEqual([]);
  });

  it('that cannot work are all reported, each in one sentence', () => {
    expect(faultsOf('file', '.')).toEqual([
      expect.stringMatching(/^POOL_DIR: \S+file is not a folder/),
      expect.stringMatching(/^PROXY_DB_PATH: \S+ is a folder; name a file, such as \S+proxy\.db$/),
    ]);
  });

  it.each([
    ['file/pool', 'x.db', /^POOL_DIR: the folder \S+file\/pool cannot be created \(\w+\)/],
    ['pool', 'file/x.db', /^PROXY_DB_PATH: \S+file is not a folder/],
    ['pool', 'file/data/x.db', /^PROXY_DB_PATH: the folder \S+file\/data cannot be created \(\w+\)/],
    ['pool', '../../dev/null', /^PROXY_DB_PATH: \/dev\/null is not a regular file/],
  ])('%s and %s are a fault', (poolDir, dbPath, fault) => {
    const path = dbPath === '../../dev/null' ? '/dev/null' : join(folder, dbPath);
    expect(pathFaults({ poolDir: join(folder, poolDir), dbPath: path })).toEqual([
      expect.stringMatching(fault),
    ]);
  });

  it.each([
    ['a login', '{"tokens":{"access_token":"made-up"}}'],
    ['words', 'these words may be of value, ünd nöt only in English'],
    ['a long text', `${'a'.repeat(511)}ü\n`.repeat(9)],
  ])('with %s in place of the database are a fault: it would be moved aside', (_what, text) => {
    writeFileSync(join(folder, 'a.json'), text);
    expect(faultsOf('pool', 'a.json')).toEqual([
      expect.stringMatching(/^PROXY_DB_PATH: \S+a\.json is a text file, not a database; name another one$/),
    ]);
  });

  it.each([
    ['an empty file', Buffer.alloc(0)],
    ['a database', Buffer.from('SQLite format 3\0\x10\0\x02\x02')],
    ['a database whose beginning is lost', Buffer.alloc(4_096)],
    ['noise', Buffer.from('c0ffee00b1a5ed', 'hex')],
  ])('with %s in place of the database are none', (_what, bytes) => {
    writeFileSync(join(folder, 'x.db'), bytes);
    expect(faultsOf('pool', 'x.db')).toEqual([]);
  });

  it('with a dangling link in place of a folder are a fault', () => {
    symlinkSync(join(folder, 'nowhere'), join(folder, 'link'));
    expect(faultsOf('link', 'x.db')).toEqual([expect.stringMatching(/^POOL_DIR: the folder \S+link cannot/)]);
  });

  // Nothing denies access to root, and access(2) asks for the real user, which a process cannot change back.
  it.skipIf(isRoot)('without access are a fault', () => {
    for (const name of ['pool', 'data']) mkdirSync(join(folder, name));
    chmodSync(join(folder, 'pool'), 0o300);
    chmodSync(join(folder, 'data'), 0o500);
    const faults = faultsOf('pool', 'data/x.db');
    for (const name of ['pool', 'data']) chmodSync(join(folder, name), 0o700);
    expect(faults).toEqual([
      expect.stringMatching(/^POOL_DIR: this user has no access to \S+pool/),
      expect.stringMatching(/^PROXY_DB_PATH: this user has no access to \S+data/),
    ]);
  });

  it('that are invalid as settings are left to those', () => {
    expect(pathFaults({ poolDir: null, dbPath: null })).toEqual([]);
  });
});
