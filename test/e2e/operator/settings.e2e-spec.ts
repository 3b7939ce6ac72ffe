import { existsSync } from 'node:fs';
import { readdir, realpath } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { join } from 'node:path';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { call, turnWith } from '../../support/clients/raw-http.js';
import { aTurn } from '../../support/pool/pool.js';
import { Program } from '../../support/program/child-process.js';

/** Starts the program with settings that cannot work; returns the lines of its error output. */
async function refusal(env: Record<string, string>, dotEnv?: string): Promise<string[]> {
  await using program = await Program.spawn({ env, ...(dotEnv === undefined ? {} : { dotEnv }) });
  expect(await program.child.ended).toEqual({ code: 1, signal: null });
  const { stdout, stderr } = program.child;
  expect(stdout).toBe('');
  expect(stderr).not.toMatch(/^ +at /m); // sentences, no stack
  return stderr.trimEnd().split('\n');
}

describe('settings that cannot work', { timeout: 30_000 }, () => {
  it('end the program with a sentence for each, all at once', async () => {
    const lines = await refusal(
      {
        PROXY_LISTEN_ADDR: '0.0.0.0:0',
        POOL_DIR: '.env',
        PROXY_DB_PATH: '.',
        PROXY_ALLOWED_HOSTS: 'https://proxy.lan,*',
        PROXY_MAX_ATTEMPTS: '1e3',
      },
      '',
    );
    expect(lines[0]).toBe('Invalid settings:');
    expect(
      lines
        .slice(1)
        .map((it) => it.trim().split(':')[0] ?? '')
        .toSorted(),
    ).toEqual([
      'POOL_DIR',
      'PROXY_ADMIN_TOKEN',
      'PROXY_ALLOWED_HOSTS',
      'PROXY_ALLOWED_HOSTS',
      'PROXY_CLIENT_TOKEN',
      'PROXY_DB_PATH',
      'PROXY_MAX_ATTEMPTS',
    ]);
  });

  it.each([
    ['POOL_DIR', 'package', /is not a folder/],
    ['PROXY_DB_PATH', '.', /is a folder; name a file/],
    ['PROXY_DB_PATH', '/dev/null/proxy.db', /is not a folder/],
    ['POOL_DIR', '/proc/codex-pool/x', /cannot be created \(ENOENT\)/],
    ['POOL_DIR', '~someone/pool', /your own home/],
  ])('%s=%s ends it with one sentence', async (name, value, why) => {
    const path = value === 'package' ? process.execPath : value;
    const lines = await refusal({ [name]: path });
    expect(lines).toEqual(['Invalid settings:', expect.stringMatching(new RegExp(`^  ${name}: `))]);
    expect(lines[1]).toMatch(why);
  });
});

describe('a variable in .env that could lead tokens elsewhere', { timeout: 30_000 }, () => {
  it('ends the program with a sentence, before it touches a file or a network', async () => {
    await using other = await FakeUpstream.start({ accounts: ['a'] });
    const lines = { NODE_TLS_REJECT_UNAUTHORIZED: '0', UPSTREAM_REFRESH_BASE: other.origin };
    const text = Object.entries(lines).map(([name, value]) => `${name}=${value}\n`);
    await using program = await Program.spawn({ dotEnv: `PROXY_LISTEN_ADDR=127.0.0.1:0\n${text.join('')}` });
    expect(await program.child.ended).toEqual({ code: 1, signal: null });
    const path = join(await realpath(program.folder), '.env');
    expect(program.child.stderr.trimEnd().split('\n')).toEqual(
      Object.keys(lines).map((it) => expect.stringContaining(`${it} in ${path} is refused: `)),
    );
    expect(await readdir(program.folder)).toEqual(['.env']);
    expect(other.log).toEqual([]);
  });

  it('does not matter if the environment sets it', async () => {
    await using fakeUpstream = await FakeUpstream.start({ accounts: ['a'] });
    await using other = await FakeUpstream.start({ accounts: ['a'] });
    const dotEnv = Object.entries(other.env).map(([name, value]) => `${name}=${value}\n`);
    await using program = await Program.spawn({
      fakeUpstream,
      accounts: ['a'],
      dotEnv: `PROXY_LISTEN_ADDR=127.0.0.1:0\n${dotEnv.join('')}`,
    });
    const origin = await program.origin();
    expect((await call(origin, turnWith(JSON.stringify(aTurn())))).status).toBe(200);
    expect(other.log).toEqual([]);
  });
});

describe('~ in a path', { timeout: 30_000 }, () => {
  it('is the home of the user, in .env and in the environment', async () => {
    await using program = await Program.spawn({
      dotEnv: 'PROXY_LISTEN_ADDR=127.0.0.1:0\nPOOL_DIR=~/logins\nPROXY_DEBUGG=1\n',
      env: { PROXY_DB_PATH: '~/kept/x.db' },
    });
    await program.origin();
    expect(existsSync(join(program.folder, 'logins'))).toBe(true);
    expect(existsSync(join(program.folder, 'kept', 'x.db'))).toBe(true);
    expect(existsSync(join(program.folder, '~'))).toBe(false);
    expect(program.child.stdout + program.child.stderr).toContain(
      'PROXY_DEBUGG is no setting; perhaps PROXY_DEBUG is meant',
    );
  });
});
