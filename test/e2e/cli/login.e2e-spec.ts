import { describe, expect, it } from 'vitest';
import { endOf } from '../../support/program/command-home.js';
import { homeForEach } from '../../support/program/home-for-each.js';
import { NOWHERE, runFor } from '../../support/program/pool-commands.js';
import { arrival } from '../../support/pool/logging-in.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';
import type { Child } from '../../codex/support/child.js';

const home = homeForEach();

async function startEmpty(): Promise<TestPool> {
  const pool = await TestPool.start({ accounts: [], loginPorts: [0] });
  await polled(pool);
  pool.fakeUpstream.addAccount({ name: 'new' });
  return pool;
}

const addressOf = (pool: TestPool) => ({ PROXY_LISTEN_ADDR: `127.0.0.1:${pool.port}` });
const shown = async (child: Child, pattern: RegExp, what: string) =>
  await child.until((it) => pattern.exec(it.stdout + it.stderr)?.[1] ?? null, what);
const urlOf = async (child: Child) => await shown(child, /^(https?:\/\/\S+)\r?$/m, 'the address');

describe('codex-pool login', () => {
  it('shows the address to open, waits, and tells that the account is in the pool', async () => {
    await using pool = await startEmpty();
    await using child = home().start(['login', '--name', 'work'], addressOf(pool));
    const url = await urlOf(child);
    await arrival(pool.fakeUpstream.authorization.allow(url, 'new'));
    const end = await endOf(child);
    expect(end).toMatchObject({ code: 0, stderr: '' });
    expect(end.stdout).toContain('work joined the pool.');
    expect((await pool.account('work')).available).toBe(true);
    expect(end.stdout).not.toContain(pool.fakeUpstream.account('new').authJson().tokens.refresh_token);
  }, 30_000);

  it('shows a code with --device, and says when an account has its new login', async () => {
    await using pool = await startEmpty();
    pool.fakeUpstream.authorization.device.interval = '1';
    for (const words of ['phone joined the pool.', 'phone has its new login.']) {
      await using child = home().start(['login', '--device', '--name', 'phone'], addressOf(pool));
      const code = await shown(child, /Type this code: (\S+)/, 'the code');
      expect(child.stdout).toContain(`Open ${pool.fakeUpstream.origin}/codex/device`);
      pool.fakeUpstream.authorization.device.approve(code, 'new');
      const end = await endOf(child);
      expect(end.stdout).toContain(words);
      expect(end.code).toBe(0);
    }
  }, 60_000);

  it('as JSON has only the result on its output', async () => {
    await using pool = await startEmpty();
    await using child = home().start(['login', '--json'], addressOf(pool));
    const url = await shown(child, /^(https?:\/\/\S+)$/m, 'the address');
    await arrival(pool.fakeUpstream.authorization.allow(url, 'new'));
    const { code, stdout } = await endOf(child);
    expect(JSON.parse(stdout)).toMatchObject({ state: 'succeeded', account: 'account-1', result: 'added' });
    expect(code).toBe(0);
  }, 30_000);

  it('is cancelled by Ctrl-C, also in the proxy', async () => {
    await using pool = await startEmpty();
    await using child = home().startOnTerminal(['login'], addressOf(pool));
    await shown(child, /(Ctrl-C cancels)/, 'the instructions');
    child.write('\u0003');
    expect((await child.ended).code).toBe(1);
    expect(child.stdout).toContain('Cancelled. Nothing was changed.');
    const { body } = await pool.client.get('/admin/login').expect(200);
    expect(body).toMatchObject([{ state: 'cancelled' }]);
  }, 30_000);

  it('asks a person who is connected by SSH where the browser is', async () => {
    await using pool = await startEmpty();
    const remote = { ...addressOf(pool), SSH_CONNECTION: '192.0.2.1 50000 192.0.2.2 22' };
    await using child = home().startOnTerminal(['login'], remote);
    await shown(child, /(Where is the browser)/, 'the question');
    child.write('\r');
    await shown(child, /Type this code: (\S+)/, 'the code');
    child.write('\u0003');
    expect((await child.ended).code).toBe(1);

    await using other = home().startOnTerminal(['login'], remote);
    await shown(other, /(Where is the browser)/, 'the question');
    other.write('\u001B'); // Escape
    expect((await other.ended).code).toBe(1);
    expect(other.stdout).toContain('Cancelled. Nothing was changed.');
    expect((await pool.client.get('/admin/login').expect(200)).body).toHaveLength(1);
  }, 60_000);

  it.each([
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ])(
    'with --paste is cancelled by %s',
    async (_key, bytes) => {
      await using pool = await startEmpty();
      await using child = home().startOnTerminal(['login', '--paste'], addressOf(pool));
      await shown(child, /(The address at which the browser ended: )/, 'the question');
      child.write(bytes);
      expect((await child.ended).code).toBe(1);
      expect(child.stdout).toContain('Cancelled. Nothing was changed.');
    },
    30_000,
  );

  it('with --paste takes the address at which a browser ended elsewhere', async () => {
    await using pool = await startEmpty();
    await using child = home().startOnTerminal(['login', '--paste'], addressOf(pool), 2_000);
    const url = await urlOf(child);
    await shown(child, /(The address at which the browser ended: )/, 'the question');
    child.write(`${pool.fakeUpstream.authorization.allow(url, 'new')}\r`);
    expect((await child.ended).code).toBe(0);
    expect(child.stdout).toContain('account-1 joined the pool.');
  }, 30_000);

  it('without a running proxy says how to start it', async () => {
    const end = await home().run(['login'], NOWHERE);
    expect(end.stderr).toContain('codex-pool start');
    expect(end.code).toBe(3);
  });

  it('passes on why the proxy refuses a name', async () => {
    await using pool = await startEmpty();
    const end = await runFor(home(), pool, ['login', '--name', '../up']);
    expect(end.stderr).toMatch(/A name is 1 to 64/);
    expect(end.code).toBe(1);
  });
});
