import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { call, turnWith } from '../../support/clients/raw-http.js';
import { aTurn } from '../../support/pool/pool.js';
import { buildProgram, Program } from '../../support/program/child-process.js';

const run = promisify(execFile);
const packages = fileURLToPath(new URL('../../../node_modules', import.meta.url));
const turn = turnWith(JSON.stringify(aTurn()));

/** Files that other steps of the build write, and the copied package.json, by where the program serves them. */
const served = [
  { file: 'dist/page/index.html', text: '<!doctype html>made-up page', path: '/' },
  { file: 'dist/openapi.json', text: '{"openapi":"made-up"}', path: '/admin/openapi.json' },
  { file: 'package.json', text: '{"version":"1.2.3-made-up","type":"module"}', path: '/admin/summary' },
];

let root = '';
const bundleIn = (folder: string) => join(folder, 'dist', 'bundle');

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'codex-pool-bundle-'));
  await cp(dirname(dirname(await buildProgram())), root, { recursive: true });
  await mkdir(join(root, 'dist', 'page', 'assets'), { recursive: true });
  await writeFile(join(root, 'dist', 'page', 'sign-in.html'), '');
  for (const { file, text } of served) await writeFile(join(root, file), text);
}, 120_000);
afterAll(async () => rm(root, { recursive: true, force: true }));

/** A copy of the built program, which can find no package except those that are linked. */
async function installed(): Promise<AsyncDisposable & { readonly folder: string; readonly entry: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'codex-pool-bundle-'));
  await cp(root, folder, { recursive: true });
  return {
    folder,
    entry: join(folder, 'dist', 'main.js'),
    [Symbol.asyncDispose]: async () => rm(folder, { recursive: true, force: true }),
  };
}

describe('the built program', { timeout: 60_000 }, () => {
  it('serves turns, the page and the API from its bundle, without any package', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    await using copy = await installed();
    await using program = await Program.spawn({ fakeUpstream, accounts: ['a'], entry: copy.entry });
    const origin = await program.origin();
    const { status, body } = await call(origin, turn);
    expect(status).toBe(200);
    expect(body.toString()).toContain('response.completed');
    for (const it of served) {
      const response = await call(origin, { path: it.path, headers: { accept: '*/*, text/html' } });
      expect([it.path, response.status]).toEqual([it.path, 200]);
      expect(response.body.toString()).toContain(it.path === '/admin/summary' ? '1.2.3-made-up' : it.text);
    }
    // Classes have kept their names.
    expect(program.child.stdout).toMatch(/"context":"Database".*"driver":"node"/);
    program.child.kill('SIGTERM');
    expect(await program.child.ended).toEqual({ code: 0, signal: null });
  });

  it('has a command line that needs no package either', async () => {
    await using copy = await installed();
    const command = async (...args: string[]) =>
      await run(process.execPath, [join(dirname(copy.entry), 'cli', 'cli.js'), ...args], {
        cwd: copy.folder,
        env: { HOME: copy.folder, PROXY_LISTEN_ADDR: '127.0.0.1:1' },
      }).catch((error: unknown) => error);
    expect(await command('--help')).toMatchObject({ stdout: expect.stringContaining('Usage: codex-pool') });
    expect(await command('status', '--json')).toMatchObject({
      code: 3,
      stdout: expect.stringContaining('"code": "not_reachable"'),
    });
    expect(await command('doctor')).toMatchObject({ code: 1, stdout: expect.stringContaining('● Node') });
    expect(await command('start', '--nonsense')).toMatchObject({ code: 2 });
  });

  it('needs its packages without the bundle, and then serves as well', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    await using copy = await installed();
    await rm(bundleIn(copy.folder), { recursive: true });
    await using broken = await Program.spawn({ fakeUpstream, entry: copy.entry });
    expect((await broken.child.ended).code).toBe(1);
    expect(broken.child.stderr).toMatch(/Cannot find package/);
    await symlink(packages, join(copy.folder, 'node_modules'));
    await using program = await Program.spawn({ fakeUpstream, accounts: ['a'], entry: copy.entry });
    expect((await call(await program.origin(), turn)).status).toBe(200);
  });
});

it('its bundle is ASCII in lines, without what it never uses, and replaces its draft', async () => {
  const folder = bundleIn(root);
  const names = (await readdir(folder)).filter((it) => it.endsWith('.js'));
  const scripts = await Promise.all(names.map(async (it) => readFile(join(folder, it))));
  for (const it of scripts) expect(it.every((byte) => byte < 0x80)).toBe(true);
  const text = scripts.join('\n');
  expect(text.length / text.split('\n').length).toBeLessThan(100);
  // The comments above modules that only unused parts import.
  expect(text).toContain('/driver/sqlite/SqliteQueryRunner.js');
  expect(
    text.match(/^\/\/ .*\/(?:Postgres|Mysql)QueryRunner\.js|^\/\/ .*\/multer\/storage\/.*/gm),
  ).toBeNull();
  const notices = await readFile(join(folder, 'licences.txt'), 'utf8');
  for (const it of ['typeorm', 'express', '@nestjs/core']) expect(notices).toContain(`== ${it} `);
  expect(notices.match(/permission notice shall be/g)?.length).toBeGreaterThan(50);
  expect((await readdir(join(root, 'dist'))).filter((it) => it.includes('bundle'))).toEqual([
    'bundle',
    'cli-bundle',
  ]);
});
