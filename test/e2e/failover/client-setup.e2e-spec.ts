import { mkdtemp, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { placeholderLogin } from '../../../src/clients/placeholder-login.js';
import { VERSION } from '../../../src/runtime/version.js';
import type { AuthJson } from '../../../src/fake-upstream/script/made-up-credentials.js';
import { Child } from '../../codex/support/child.js';
import { buildProgram } from '../../support/program/child-process.js';
import { DAY, FakeClock, MINUTE, SECOND } from '../../support/fake-clock.js';
import { forwarded } from '../../support/clients/forwarded-requests.js';
import { polled } from '../../support/pool/first-poll.js';
import { TestPool } from '../../support/pool/pool.js';

const headersOf = ({ tokens }: AuthJson) => ({
  authorization: `Bearer ${tokens.access_token}`,
  'chatgpt-account-id': tokens.account_id,
});
const warnings = (pool: TestPool, phrase: string) => pool.logger.lines.filter((it) => it.includes(phrase));
const sharedLoginWarnings = (pool: TestPool) => warnings(pool, 'a client uses the login of an account');
const placeholder = (): AuthJson => JSON.parse(JSON.stringify(placeholderLogin(null)));

describe('a login shared by the pool and a client', () => {
  const routes: readonly [
    string,
    (pool: TestPool, headers: Record<string, string>) => PromiseLike<unknown>,
  ][] = [
    ['a turn', async (pool, headers) => await pool.turn(headers).expect(200)],
    [
      'the accounts check',
      async (pool, headers) =>
        await pool.client.get('/backend-api/wham/accounts/check').set(headers).expect(200),
    ],
    [
      'a request for the home account',
      async (pool, headers) =>
        await pool.client.get('/backend-api/wham/settings/user').set(headers).expect(200),
    ],
  ];

  it.each(routes)(
    'causes a warning when %s carries a copy of a credential in the pool',
    async (_what, ask) => {
      await using pool = await TestPool.start();
      await ask(pool, headersOf(await pool.readAuth('a')));
      expect(sharedLoginWarnings(pool)).toHaveLength(1);
      expect(JSON.parse(sharedLoginWarnings(pool)[0] ?? '')).toMatchObject({
        level: 'warn',
        account: 'a',
        why: expect.stringMatching(/uses a copy of this login.*ln -sf .*pool\/a\.json.*placeholder login/),
      });
      const [warning, ...others] = (await pool.account('a')).warnings;
      expect(warning).toMatch(/a copy of this login/);
      expect(others).toEqual([]);
      expect((await pool.account('b')).warnings).toEqual([]);
    },
  );

  it('causes one warning per account, also after a new login in the pool', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ clock });
    const copy = await pool.readAuth('a');
    await pool.turn(headersOf(copy)).expect(200);
    clock.advance(2 * MINUTE);
    await pool.writeAuth('a', pool.fakeUpstream.account('a').loginAgain());
    await pool.client.post('/admin/reload').expect(200);
    await pool.turn(headersOf(copy)).expect(200);
    await pool.turn(headersOf(await pool.readAuth('b'))).expect(200);
    expect(sharedLoginWarnings(pool).map((it) => JSON.parse(it).account)).toEqual(['a', 'b']);
    const [warning] = (await pool.account('a')).warnings;
    expect(warning).toContain('a copy of this login');
    expect(warning).toContain(new Date(clock.now()).toISOString());
  });

  it('causes a warning without secrets when the client has other tokens for the account', async () => {
    await using pool = await TestPool.start();
    const other = pool.fakeUpstream.account('a').loginAgain();
    await pool.turn(headersOf(other)).expect(200);
    expect(sharedLoginWarnings(pool)).toHaveLength(1);
    const { warnings: reported } = await pool.account('a');
    expect(reported).toEqual([expect.stringContaining('with other tokens')]);
    const output = JSON.stringify([pool.logger.lines, reported]);
    expect(output).not.toContain(other.tokens.access_token.slice(-40));
  });

  it('causes no warning once the file in the pool is a symlink', async () => {
    await using pool = await TestPool.start();
    const copy = await pool.readAuth('a');
    await pool.turn(headersOf(copy)).expect(200);
    expect((await pool.account('a')).warnings).toHaveLength(1);
    const target = join(pool.folder, 'auth.json');
    await rename(join(pool.folder, 'pool', 'a.json'), target);
    await symlink(target, join(pool.folder, 'pool', 'a.json'));
    await pool.client.post('/admin/reload').expect(200);
    await pool.turn(headersOf(copy)).expect(200);
    expect((await pool.account('a')).warnings).toEqual([]);
    expect(sharedLoginWarnings(pool)).toHaveLength(1);
  });

  it.each([
    ['a placeholder login', headersOf(placeholder())],
    [
      'a placeholder login under the id of an account',
      { ...headersOf(placeholder()), 'chatgpt-account-id': 'acct-a' },
    ],
    [
      'an opaque token under the id of an account',
      { authorization: 'Bearer x', 'chatgpt-account-id': 'acct-a' },
    ],
    ['no login at all', {}],
  ])('is not detected in %s', async (_what, headers) => {
    await using pool = await TestPool.start();
    await pool.turn(headers).expect(200);
    expect(sharedLoginWarnings(pool)).toEqual([]);
    expect((await pool.account('a')).warnings).toEqual([]);
  });
});

const run = async (cwd: string, args: string[] = [], env: Record<string, string> = {}) => {
  const entry = join(dirname(await buildProgram()), 'clients/placeholder-login.cli.js');
  const child = new Child(process.execPath, [entry, ...args], { env, cwd });
  const { code } = await child.ended;
  return { code, stdout: child.stdout, stderr: child.stderr };
};

describe('npm run placeholder-login', { timeout: 60_000 }, () => {
  it('prints a login, or writes it once into a file that only its owner can read', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'codex-pool-login-'));
    try {
      const printed = await run(folder);
      expect(JSON.parse(printed.stdout)).toEqual(placeholderLogin(null));
      expect(await run(folder, ['--out', 'auth.json'])).toMatchObject({ code: 0, stdout: '' });
      const path = join(folder, 'auth.json');
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect(await readFile(path, 'utf8')).toBe(printed.stdout);
      await writeFile(path, 'mine');
      const refused = await run(folder, ['--out', 'auth.json']);
      expect(refused).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^That file exists [^\n]+\n$/),
      });
      expect(await readFile(path, 'utf8')).toBe('mine');
      expect((await run(folder, ['--oops'])).stderr).toMatch(/^Usage: [^\n]+\n$/);
      const withToken = await run(folder, [], { PROXY_CLIENT_TOKEN: 'client-token' });
      expect(JSON.parse(withToken.stdout).tokens.access_token).toBe('client-token');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('prints a login that the proxy accepts and refreshes', async () => {
    await using pool = await TestPool.start();
    await pool.turn(headersOf(placeholder())).expect(200);
    const { refresh_token: refreshToken } = placeholder().tokens;
    const renewal = await pool.client.post('/oauth/token').send({ refresh_token: refreshToken });
    expect(renewal.status).toBe(200);
  });
});

describe('model requests without turns', () => {
  it('are reported once as a bypass, until a turn arrives', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ clock });
    const health = async () => (await pool.client.get('/healthz').expect(200)).body;
    for (let i = 0; i < 5; i += 1) {
      await pool.client.get('/v1/models').expect(200);
      clock.advance(2 * MINUTE);
    }
    expect(await health()).toMatchObject({ status: 'up', details: { clients: { trouble: null } } });
    for (let i = 0; i < 3; i += 1) await pool.client.get('/v1/models').expect(200);
    const trouble = expect.stringMatching(/"OpenAI" and a base_url that ends in \/backend-api\/codex/);
    expect(await health()).toMatchObject({ status: 'degraded', details: { clients: { trouble } } });
    expect(warnings(pool, 'turns seem to bypass the proxy')).toHaveLength(1);
    await pool.turn().expect(200);
    expect(await health()).toMatchObject({ status: 'up', details: { clients: { trouble: null } } });
  });
});

describe('user agents and telemetry', () => {
  it('sends its own user agent on its own calls and the client’s on turns', async () => {
    const clock = new FakeClock();
    await using pool = await TestPool.start({ accounts: ['a'], clock });
    await polled(pool);
    clock.advance(10 * DAY - 30 * SECOND);
    const agent = 'codex_exec/0.169.0 (Debian 12.0.0; x86_64) xterm (codex_exec; 0.169.0)';
    await pool.turn({ 'user-agent': agent }).expect(200);
    const own = pool.fakeUpstream.log.filter((it) => it.headers['user-agent'] === `codex-pool/${VERSION}`);
    const paths = new Set(own.map((it) => it.path));
    expect(paths).toEqual(
      new Set(['/backend-api/wham/usage', '/backend-api/wham/accounts/check', '/oauth/token']),
    );
    expect(forwarded(pool.fakeUpstream).map((it) => it.headers['user-agent'])).toEqual([agent]);
  });

  it('keeps dependencies from phoning home during installation', async () => {
    const manifest = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8'));
    expect(manifest.allowScripts).toMatchObject({ '@scarf/scarf': false });
  });
});
