import { describe, expect, it } from 'vitest';
import { projectOf, shortName } from './project.js';

const project = (path: string, remote: string | null = null, salt = 'salt') =>
  projectOf({ path, remote }, salt);

describe('the project of a folder', () => {
  it.each([
    ['/home/user/work/api', null, 'api'],
    ['/home/user/work/api/', null, 'api'],
    ['C:\\Users\\user\\api', null, 'api'],
    ['/home/user/api', 'https://user:token@git.example/owner/backend.git', 'backend'],
    ['/home/user/api', 'https://git.example/owner/backend?token=secret#secret', 'backend'],
    ['/home/user/api', 'git@git.example:owner/backend.git', 'backend'],
    ['/home/user/api', 'ssh://git@git.example:2222/owner/backend.git/', 'backend'],
    ['/home/user/api', 'git.example:backend', 'backend'],
    ['/home/user/api', 'https://user:secret@git.example', 'api'],
    ['/home/user/api', 'user:secret@git.example', 'api'],
    ['/home/user/api', 'git.example:owner:secret@host/x', 'api'],
    ['/home/user/api', 'file:///home/user/other.git', 'api'],
    ['/home/user/api', 'C:\\secret\\other', 'api'],
    ['/home/user/api', '../other', 'api'],
    ['/home/user/api', 'https://git.example/.git', 'api'],
  ])('%j with the remote %j is named %j', (path, remote, name) => {
    expect(project(path, remote)?.name).toBe(name);
  });

  it.each(['', '/', '\\', '\u0000', '/\u202e'])('%j has none', (path) => {
    expect(project(path)).toBeNull();
  });

  it('is the same for all addresses of a repository, whatever the folder', () => {
    const hashes = [
      project('/home/user/api', 'https://token@Git.Example/owner/backend.git'),
      project('/home/user/second-tree', 'git@git.example:owner/backend.git'),
      project('/home/other', 'ssh://git@git.example:22/owner/backend'),
    ].map((it) => it?.hash);
    expect(new Set(hashes).size).toBe(1);
    expect(hashes[0]).toMatch(/^[\w-]{22}$/);
  });

  it('differs between folders of the same name, and between salts', () => {
    const hashes = [project('/a/api'), project('/b/api'), project('/a/api', null, 'other')];
    expect(new Set(hashes.map((it) => it?.hash)).size).toBe(3);
  });
});

describe('a short name', () => {
  it.each([
    ['quotes " and <b>HTML</b>', 'quotes " and <b>HTML</b>'],
    ['a\u202eb\u200bc\u0000d\ne', 'abcde'],
    ['\ud800', '\ufffd'],
    ['\u05d0\u05d1', '\u05d0\u05d1'],
    ['x'.repeat(200), 'x'.repeat(60)],
    [`${'x'.repeat(59)}\u{1f600}`, 'x'.repeat(59)],
  ])('of %j is %j', (text, name) => {
    expect(shortName(text)).toBe(name);
  });

  it('of a megabyte is made at once', () => {
    expect(shortName('y'.repeat(1_048_576))).toBe('y'.repeat(60));
  });
});
