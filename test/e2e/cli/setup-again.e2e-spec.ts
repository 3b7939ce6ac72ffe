import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { buildProgram } from '../../support/program/child-process.js';
import { CommandHome, endOf } from '../../support/program/command-home.js';

// Each command is a process of its own; the build may take a while on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 180_000 });
beforeAll(async () => void (await buildProgram()));

const ORIGIN = 'http://127.0.0.1:8989';
const OURS = { openai_base_url: `${ORIGIN}/v1`, chatgpt_base_url: `${ORIGIN}/backend-api` };
const small = 'model = "gpt"\n\n[a]\nb = 1\n';
const read = (bytes: string | Uint8Array): Record<string, unknown> =>
  parse(Buffer.from(bytes).toString('utf8'));

describe('a setup', () => {
  it('leaves a folder that Codex has used meanwhile, and a file with more than our keys', async () => {
    await using home = await CommandHome.create(null);
    await home.run(['setup', '--yes']);
    await writeFile(join(home.codexFolder, 'history.jsonl'), '');
    await writeFile(home.config, `${await readFile(home.config, 'utf8')}\n[mine]\na = 1\n`);
    expect(await home.run(['undo'])).toMatchObject({ code: 0 });
    expect(read(await readFile(home.config))).toEqual({ mine: { a: 1 } });
  });

  it('says the second time that it is done, and keeps the first values for the undo', async () => {
    const text = 'model_provider = "azure"\nopenai_base_url = "http://a"\n';
    await using home = await CommandHome.create(text);
    await home.run(['setup', '--yes']);
    const once = await home.tree();
    expect(await home.run(['setup', '--yes'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Already set up/),
    });
    expect(await home.tree()).toEqual(once);
    const other = { PROXY_LISTEN_ADDR: '[::1]:9999' };
    expect(await home.run(['setup', '--yes'], other)).toMatchObject({ code: 0 });
    expect(read(await readFile(home.config))).toMatchObject({ openai_base_url: 'http://[::1]:9999/v1' });
    expect(await home.run(['setup', '--yes', '--provider'], other)).toMatchObject({ code: 0 });
    expect(read(await readFile(home.config))).toMatchObject({
      model_provider: 'codex-pool',
      openai_base_url: 'http://a',
      model_providers: { 'codex-pool': { base_url: 'http://[::1]:9999/v1' } },
    });
    for (const _again of [1, 2]) expect(await home.run(['undo'])).toMatchObject({ code: 0 });
    expect(await readFile(home.config, 'utf8')).toBe(text);
    expect(await home.records()).toEqual([]);
  });

  it('says of keys that others have written that they are right, and its undo leaves them', async () => {
    const text = `openai_base_url = "${OURS.openai_base_url}"\nchatgpt_base_url = '${OURS.chatgpt_base_url}'\n`;
    await using home = await CommandHome.create(text);
    const before = await home.tree();
    expect((await home.run(['setup', '--yes'])).stdout).toContain('not written by this command');
    expect((await home.run(['undo'])).stdout).toContain('Nothing to undo');
    expect(await home.tree()).toEqual(before);
  });

  it.each([
    ['y', 0, OURS.openai_base_url],
    ['n', 1, undefined],
    ['\u0003', 1, undefined],
  ])('asks on a terminal, and follows the reply %j', async (reply, code, expected) => {
    await using home = await CommandHome.create(small);
    const child = home.startOnTerminal(['setup']);
    await child.until((it) => (it.stdout.includes('Make this change?') ? true : null), 'the question');
    child.write(reply);
    expect(await endOf(child)).toMatchObject({ code });
    expect(read(await readFile(home.config))['openai_base_url']).toBe(expected);
  });
});

describe('a setup with --client-login', () => {
  it('writes a login with the client token, which no output shows, and its undo removes it', async () => {
    await using home = await CommandHome.create(small);
    const before = await home.tree();
    const env = { PROXY_CLIENT_TOKEN: 'client-token-of-the-test' };
    expect((await home.run(['setup', '--dry-run'], env)).stderr).toContain('PROXY_CLIENT_TOKEN is set');
    const { code, stdout, stderr } = await home.run(['setup', '--yes', '--client-login'], env);
    expect([code, (stdout + stderr).includes('client-token')]).toEqual([0, false]);
    const login = JSON.parse(await readFile(home.login, 'utf8'));
    expect(login.tokens.access_token).toBe('client-token-of-the-test');
    for (const it of await home.records()) expect(await readFile(it, 'utf8')).not.toContain('client-token');
    await writeFile(home.login, JSON.stringify(login)); // as Codex may write it
    expect((await home.run(['setup', '--yes', '--client-login'], env)).stdout).toContain('Already set up');
    await home.run(['undo']);
    expect(await home.tree()).toEqual(before);
  });

  it('never overwrites a login, and its undo never removes one that is not its own', async () => {
    await using home = await CommandHome.create(small);
    await writeFile(home.login, '{"mine":1}');
    const first = await home.run(['setup', '--yes', '--client-login']);
    expect(first).toMatchObject({ code: 0, stderr: expect.stringContaining('has a login already') });
    await home.run(['undo']);
    expect(await readFile(home.login, 'utf8')).toBe('{"mine":1}');
    await writeFile(join(home.folder, 'saved'), '');
    await using other = await CommandHome.create(small);
    await other.run(['setup', '--yes', '--client-login']);
    const real = '{"tokens":{"access_token":"a","refresh_token":"r","account_id":"i"}}';
    await writeFile(other.login, real); // as `codex login` does
    expect((await other.run(['undo'])).stdout).toContain('no longer the placeholder login');
    expect(await readFile(other.login, 'utf8')).toBe(real);
  });
});

describe('a setup tells', () => {
  it('which profiles go past the proxy, which keys have no effect, and what must be restarted', async () => {
    await using home = await CommandHome.create(
      '[profiles.old]\nmodel_provider = "azure"\n[other]\nopenai_base_url = "http://a"\n',
    );
    const profiles = {
      'past.config.toml': 'model_provider = "azure" # c\n',
      'fine.config.toml': 'model = "gpt"\n[model_providers.x]\nname = "x"\n',
      'broken.config.toml': '=',
    };
    for (const [name, text] of Object.entries(profiles)) await writeFile(join(home.codexFolder, name), text);
    await mkdir(join(home.codexFolder, 'app-server-daemon'));
    await writeFile(join(home.codexFolder, 'app-server-daemon', 'daemon.pid'), '');
    const { stderr } = await home.run(['setup', '--yes']);
    expect(stderr).toContain('Line 2: model_provider in [profiles.old]');
    expect(stderr).toContain('Line 4: openai_base_url in [other]');
    expect(stderr).toContain('The profile past.config.toml sets model_provider');
    expect(stderr).toContain('The profile broken.config.toml cannot be read');
    expect(stderr).not.toContain('fine.config.toml');
    expect(stderr).toContain('codex app-server daemon restart');
    expect(stderr).toContain('codex login');
    expect((await home.run(['undo'])).stderr).toContain('codex app-server daemon restart');
    for (const [name, text] of Object.entries(profiles)) {
      expect(await readFile(join(home.codexFolder, name), 'utf8')).toBe(text);
    }
  });

  it('uses CODEX_HOME, XDG_STATE_HOME and the settings of .env, and its undo needs no valid setting', async () => {
    await using home = await CommandHome.create(null);
    const env = { CODEX_HOME: join(home.folder, 'other'), XDG_STATE_HOME: join(home.folder, 'state') };
    await mkdir(env.CODEX_HOME);
    await writeFile(join(home.folder, '.env'), 'PROXY_LISTEN_ADDR=127.0.0.1:7777\n');
    expect(await home.run(['setup', '--yes'], env)).toMatchObject({ code: 0 });
    expect(read(await readFile(join(env.CODEX_HOME, 'config.toml')))).toMatchObject({
      openai_base_url: 'http://127.0.0.1:7777/v1',
    });
    await writeFile(join(home.folder, '.env'), 'PROXY_LISTEN_ADDR=nonsense\n');
    expect(await home.run(['setup', '--yes'], env)).toMatchObject({ code: 2 });
    expect(await home.run(['undo'], env)).toMatchObject({ code: 0 });
    expect(Object.keys(await home.tree()).filter((it) => it.includes('config.toml'))).toEqual([]);
  });
});
