import { createServer, type Server } from 'node:net';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { homeForEach } from '../../support/program/home-for-each.js';
import { NOWHERE, runFor } from '../../support/program/pool-commands.js';
import { startRanked } from '../../support/pool/ranked-accounts.js';

const home = homeForEach();

/** A program that accepts connections, and says nothing. */
async function startSilent(): Promise<{ server: Server; port: number }> {
  const server = createServer(() => undefined).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

describe('--json', () => {
  it('shows each change as the API does, without the owner', async () => {
    await using pool = await startRanked();
    for (const [args, expected] of [
      [['pause', 'a', '--for', '2h'], { name: 'a', paused: true, persisted: true }],
      [['resume', 'a'], { name: 'a', paused: false, persisted: true }],
      [['poll', 'a'], { name: 'a', state: 'ready' }],
      [['reset', 'a'], { name: 'a', state: 'ready' }],
      [['refresh', 'a'], { name: 'a', state: 'ready' }],
      [['remove', 'a', '--yes'], { name: 'a', movedTo: expect.stringContaining('.removed') }],
    ] as const) {
      const { code, stdout, stderr } = await runFor(home(), pool, [...args, '--json']);
      expect(JSON.parse(stdout)).toMatchObject(expected);
      expect(stdout).not.toMatch(/@|accountId|userId/);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
  }, 60_000);

  it('shows an error as JSON, too, with its code', async () => {
    await using pool = await startRanked();
    const unknown = await runFor(home(), pool, ['pause', 'absent', '--json']);
    expect(JSON.parse(unknown.stdout)).toEqual({
      error: { code: 'no_account', message: expect.stringContaining('absent'), exitCode: 1 },
    });
    expect(unknown).toMatchObject({ code: 1, stderr: '' });
    const dead = await home().run(['status', '--json'], NOWHERE);
    expect(JSON.parse(dead.stdout)).toMatchObject({ error: { code: 'not_reachable', exitCode: 3 } });
    expect(dead).toMatchObject({ code: 3, stderr: '' });
    const wrong = await home().run(['pause', 'a', '--for', 'soon', '--json'], NOWHERE);
    expect(JSON.parse(wrong.stdout)).toMatchObject({ error: { code: 'wrong_use', exitCode: 2 } });
    expect(wrong.code).toBe(2);
  }, 30_000);
});

describe('a proxy that is silent', () => {
  it('costs a prompt little, and is not called off', async () => {
    const { server, port } = await startSilent();
    try {
      const end = await runFor(home(), { port }, ['status', '--line']);
      expect(end).toMatchObject({ code: 3, stdout: '○ pool: ?\n', stderr: '' });
    } finally {
      server.close();
    }
  });

  it('keeps its files: they are changed without it only if none listens', async () => {
    const { server, port } = await startSilent();
    try {
      await mkdir(join(home().folder, 'pool'));
      await writeFile(join(home().folder, 'pool', 'work.json'), '{}');
      const end = await runFor(home(), { port }, ['remove', 'work', '--yes']);
      expect(end).toMatchObject({ code: 3, stderr: expect.stringContaining('silent for 10 s') });
      expect(await readdir(join(home().folder, 'pool'))).toEqual(['work.json']);
    } finally {
      server.close();
    }
  }, 40_000);
});

describe('a question before a removal', () => {
  it.each([
    ['Enter', '\r'],
    ['n', 'n'],
    ['Ctrl-C', '\u0003'],
    ['Escape', '\u001B'],
  ])(
    'answered with %s changes nothing',
    async (_key, bytes) => {
      await mkdir(join(home().folder, 'pool'));
      await writeFile(join(home().folder, 'pool', 'work.json'), '{}');
      await using child = home().startOnTerminal(['remove', 'work'], NOWHERE);
      await child.until((it) => (it.stdout.includes('Remove work') ? true : null), 'the question');
      child.write(bytes);
      expect((await child.ended).code).toBe(1);
      expect(child.stdout).toContain('Nothing was removed.');
      expect(await readdir(join(home().folder, 'pool'))).toEqual(['work.json']);
    },
    30_000,
  );

  it('answered with y removes', async () => {
    await mkdir(join(home().folder, 'pool'));
    await writeFile(join(home().folder, 'pool', 'work.json'), '{}');
    await using child = home().startOnTerminal(['remove', 'work'], NOWHERE);
    await child.until((it) => (it.stdout.includes('Remove work') ? true : null), 'the question');
    child.write('y');
    expect((await child.ended).code).toBe(0);
    expect(await readdir(join(home().folder, 'pool'))).toEqual(['.removed']);
  }, 30_000);
});

describe('wrong use', () => {
  it.each([
    [['start', 'extra'], 'too many arguments'],
    [['import'], 'codex-pool import --help'],
    [['status', '--watch', '--line'], "cannot be used with option '--line'"],
    [['demo', '--loud'], 'codex-pool demo --help'],
    [['import', 'a', 'b', '--name', 'c'], 'one file only'],
  ])('%j ends with 2 and says why', async (args, words) => {
    const end = await home().run(args, NOWHERE);
    expect(end.stderr).toContain(words);
    expect(end).toMatchObject({ code: 2, stdout: '' });
  });

  it('is JSON, too, where that is asked for', async () => {
    for (const [args, message] of [
      [['status', '--json', '--nonsense'], "unknown option '--nonsense'"],
      [['import', '--json'], "missing required argument 'file'"],
    ] as const) {
      const end = await home().run(args, NOWHERE);
      expect(JSON.parse(end.stdout)).toEqual({ error: { code: 'wrong_use', message, exitCode: 2 } });
      expect(end).toMatchObject({ code: 2, stderr: '' });
    }
  });

  it('of the settings, too, and a prompt shows only that something is wrong', async () => {
    const settings = { PROXY_LISTEN_ADDR: 'nonsense' };
    const end = await home().run(['status'], settings);
    expect(end).toMatchObject({ code: 2, stderr: expect.stringContaining('PROXY_LISTEN_ADDR') });
    const line = await home().run(['status', '--line'], settings);
    expect(line).toMatchObject({ code: 2, stdout: '○ pool: ?\n', stderr: '' });
  });
});

describe('commands of the program itself', () => {
  it('have their own help', async () => {
    const end = await home().run(['demo', '--help']);
    expect(end).toMatchObject({ code: 0, stdout: expect.stringContaining('codex-pool demo [flags]') });
  });

  it('say that the bench is not part of a package', async () => {
    const end = await home().run(['bench', '--quick']);
    expect(end).toMatchObject({ code: 1, stderr: expect.stringContaining('Clone the project') });
  });
});
