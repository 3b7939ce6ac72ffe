import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRecord } from '../../../src/runtime/is-record.js';
import { usageLimit } from '../../../src/fake-upstream/script/refusals.js';
import { type CommandEnd, CommandHome } from '../../support/program/command-home.js';
import { NOWHERE, runFor } from '../../support/program/pool-commands.js';
import type { TestPool } from '../../support/pool/pool.js';
import { isServedBy, startRanked } from '../../support/pool/ranked-accounts.js';

let home: CommandHome;
beforeAll(async () => {
  home = await CommandHome.create(null);
}, 60_000); // it may build the program
afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

const escape = '\u001B';

/** Asks until the proxy replies within the patience of a prompt, which a busy machine may exceed. */
async function promptOf(pool: TestPool): Promise<CommandEnd> {
  for (let tries = 1; ; tries += 1) {
    const end = await runFor(home, pool, ['status', '--line']);
    if (end.code !== 3 || tries === 10) return end;
    expect(end.stdout).toBe('○ pool: ?\n');
  }
}

describe('codex-pool status', () => {
  it('shows verdict and accounts in plain text in a pipe, and ends with 0 while the pool serves', async () => {
    await using pool = await startRanked();
    await isServedBy(pool, 'a');
    const { code, stdout, stderr } = await runFor(home, pool, ['status']);
    expect(stdout).toMatch(/^● Serves · next: a · 2 of 2 ready$/m);
    expect(stdout).toMatch(/^a {2}● Ready/m);
    expect(stdout).toMatch(/^today 1 turn,/m);
    expect(stdout).not.toContain(escape);
    expect(Math.max(...stdout.split('\n').map((it) => it.length))).toBeLessThanOrEqual(80);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  it('as JSON is the summary of the API with the accounts, without their owners', async () => {
    await using pool = await startRanked();
    const { code, stdout } = await runFor(home, pool, ['status', '--json']);
    const status = JSON.parse(stdout);
    expect(status).toMatchObject({ verdict: { kind: 'serves', next: 'a' }, ready: 2 });
    expect(status.accountList).toMatchObject([{ name: 'a', state: 'ready' }, { name: 'b' }]);
    expect(status.problems).toMatchObject([{ code: 'no-turn-yet' }]); // advice, no fault
    expect(stdout).not.toContain('@');
    expect(stdout).not.toMatch(/accountId|userId|email/);
    expect(code).toBe(0);
  });

  it('ends with 1 and names the cause if nothing serves', async () => {
    await using pool = await startRanked({ accounts: ['a'] });
    await pool.client.patch('/admin/accounts/a').send({ paused: true }).expect(200);
    const whole = await runFor(home, pool, ['status']);
    expect(whole.stdout).toContain('a is paused');
    expect(whole.code).toBe(1);
    const line = await promptOf(pool);
    expect(line).toMatchObject({ code: 1, stdout: '◐ pool: needs person  ! 1\n', stderr: '' });
  });

  it('is one line for a prompt', async () => {
    await using pool = await startRanked();
    expect(await promptOf(pool)).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringMatching(/^● a.*\n$/),
    });
  });

  it('ends with 3 if no proxy answers, and names the way out', async () => {
    const whole = await home.run(['status'], NOWHERE);
    expect(whole).toMatchObject({ code: 3, stdout: '' });
    expect(whole.stderr).toContain('codex-pool undo');
    expect(await home.run(['status', '--line'], NOWHERE)).toMatchObject({
      code: 3,
      stdout: '○ pool: off\n',
      stderr: '',
    });
  });

  it('says so if another program answers', async () => {
    const other = createServer((_req, res) => res.end('hello')).listen(0, '127.0.0.1');
    try {
      await new Promise((resolve) => other.once('listening', resolve));
      const address = other.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const { code, stderr } = await runFor(home, { port }, ['status']);
      expect(stderr).toContain('Another program answers');
      expect(code).toBe(1);
    } finally {
      other.close();
    }
  });

  it('needs the admin token of the proxy', async () => {
    const token = 'a-made-up-admin-token';
    await using pool = await startRanked({ env: { PROXY_ADMIN_TOKEN: token } });
    const without = await runFor(home, pool, ['status']);
    expect(without.stderr).toContain('wants its PROXY_ADMIN_TOKEN');
    expect(without.code).toBe(1);
    const wrong = await runFor(home, pool, ['status'], { PROXY_ADMIN_TOKEN: 'another-made-up-token' });
    expect(wrong.stderr).toContain('refuses this PROXY_ADMIN_TOKEN');
    expect((await runFor(home, pool, ['status'], { PROXY_ADMIN_TOKEN: token })).code).toBe(0);
  });

  it('watched in a pipe, prints a line per change, also while the proxy is gone', async () => {
    const pool = await startRanked();
    const address = { PROXY_LISTEN_ADDR: `127.0.0.1:${pool.port}` };
    await using watch = home.start(['status', '--watch'], address);
    await watch.until(() => (watch.stdout.includes('● a') ? true : null), 'the first line');
    await pool.client.patch('/admin/accounts/a').send({ paused: true }).expect(200);
    await watch.until(() => (watch.stdout.includes('● b') ? true : null), 'the line of the change');
    await pool[Symbol.asyncDispose]();
    await watch.until(
      () => (/No codex-pool answers/.test(watch.stdout) ? true : null),
      'the line of the end',
    );
    expect(watch.stdout.split('\n').filter((it) => it.startsWith('● a'))).toHaveLength(1);
    watch.kill('SIGINT');
    expect((await watch.ended).code).toBe(0);
  });

  it('watched on a terminal, draws in place and gives the terminal back', async () => {
    await using pool = await startRanked();
    await using watch = home.startOnTerminal(['status', '--watch'], {
      PROXY_LISTEN_ADDR: `127.0.0.1:${pool.port}`,
    });
    await watch.until(() => (watch.stdout.includes('Serves') ? true : null), 'the first frame');
    expect(watch.stdout).toContain(`${escape}[?1049h`);
    watch.writeLine('\u0003'); // Ctrl-C
    await watch.ended;
    expect(watch.stdout.lastIndexOf(`${escape}[?1049l`)).toBeGreaterThan(watch.stdout.lastIndexOf('Serves'));
  });

  it('fits a narrow terminal, and names the command that helps', async () => {
    await using pool = await startRanked({ accounts: ['a'] });
    await pool.client.patch('/admin/accounts/a').send({ paused: true }).expect(200);
    await using child = home.startOnTerminal(
      ['status'],
      { PROXY_LISTEN_ADDR: `127.0.0.1:${pool.port}`, NO_COLOR: '1' },
      40,
    );
    expect((await child.ended).code).toBe(1);
    const lines = child.stdout.split('\r\n');
    expect(lines).toContain('  → codex-pool resume a');
    expect(Math.max(...lines.map((it) => it.length))).toBeLessThanOrEqual(40);
    expect(child.stdout).not.toContain(escape);
  });

  it('says 1 in a prompt, too, if something is wrong although it serves', async () => {
    await using pool = await startRanked({ files: { 'broken.json': 'nonsense' } });
    const line = await promptOf(pool);
    expect(line).toMatchObject({ code: 1, stdout: expect.stringMatching(/^● a.* {2}! 1\n$/), stderr: '' });
    expect((await runFor(home, pool, ['status'])).code).toBe(1);
  });

  it('passes on in JSON what only a newer proxy knows, and reads past it', async () => {
    await using pool = await startRanked();
    const newer = async (path: string) => {
      const body: unknown = (await pool.client.get(path).expect(200)).body;
      if (!Array.isArray(body)) return { ...(isRecord(body) ? body : {}), fromTheFuture: true };
      return body.map((it: object) => ({
        ...it,
        state: 'hovering',
        sentence: 'Hovering: for now',
        aura: 'blue',
      }));
    };
    const proxy = createServer((req, res) => {
      void newer(req.url ?? '').then((body) => res.end(JSON.stringify(body)));
    }).listen(0, '127.0.0.1');
    try {
      await new Promise((resolve) => proxy.once('listening', resolve));
      const address = proxy.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      const json = await runFor(home, { port }, ['status', '--json']);
      expect(JSON.parse(json.stdout)).toMatchObject({
        fromTheFuture: true,
        accountList: [{ aura: 'blue' }, { name: 'b' }],
      });
      expect(json.stdout).not.toMatch(/accountId|userId|email/);
      expect((await runFor(home, { port }, ['status'])).stdout).toMatch(/^a {2}○ Hovering {2}for now/m);
    } finally {
      proxy.close();
    }
  });

  it('watched, ends when its reader leaves', async () => {
    await using pool = await startRanked();
    await using watch = home.startAs(
      ['sh', '-c', '"$0" "$@" | head -n 1', process.execPath],
      ['status', '--watch'],
      {
        PROXY_LISTEN_ADDR: `127.0.0.1:${pool.port}`,
      },
    );
    await watch.until(() => (watch.stdout.includes('● a') ? true : null), 'the first line');
    // The next line finds that `head` has left.
    await pool.client.patch('/admin/accounts/a').send({ paused: true }).expect(200);
    expect((await watch.ended).code).toBe(0);
  });

  it('watched on a terminal, survives a restart of the proxy, with the last values meanwhile', async () => {
    const pool = await startRanked();
    const address = { PROXY_LISTEN_ADDR: `127.0.0.1:${pool.port}` };
    await using watch = home.startOnTerminal(['status', '--watch'], address);
    await watch.until(() => (watch.stdout.includes('Serves') ? true : null), 'the first frame');
    await pool.running.stop();
    await watch.until(() => (watch.stdout.includes('Stale since') ? true : null), 'the stale frame');
    const length = watch.stdout.length;
    expect(watch.stdout.slice(watch.stdout.indexOf('Stale since'))).toContain('Serves');
    const server = createServer((_req, res) => res.end('[]')).listen(pool.port, '127.0.0.1');
    try {
      await watch.until(
        () => (watch.stdout.slice(length).includes('not as expected') ? true : null),
        'a frame of the one that answers now',
      );
    } finally {
      server.close();
      await pool[Symbol.asyncDispose]();
    }
    // A frame clears each line before it writes it, and is one write.
    expect(watch.stdout).toContain(`${escape}[H${escape}[2K`);
  });

  it('shows an account at its limit with the time of its return', async () => {
    await using pool = await startRanked();
    const resetsAt = Math.floor(Date.now() / 1_000) + 3_600;
    pool.fakeUpstream.account('a').answers(usageLimit({ resetsAt }));
    await isServedBy(pool, 'b');
    const { stdout } = await runFor(home, pool, ['status']);
    expect(stdout).toMatch(/^a {2}◐ At its limit {2}back .*\(in 60 min\)|\(in 1 h\)/m);
    expect(stdout).toMatch(/next: b/);
  });
});
