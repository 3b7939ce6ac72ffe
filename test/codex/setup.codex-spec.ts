import { once } from 'node:events';
import { createServer } from 'node:http';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { Child } from './support/child.js';
import { codexScript } from './support/codex-cli.js';
import { Setting } from './support/setting.js';
import { Terminal } from './support/terminal.js';

const cli = fileURLToPath(new URL('../../dist/cli/cli.js', import.meta.url));
const prompt = ['--skip-git-repo-check', 'say hello'];

/** A server that refuses each turn, and counts them: the provider of the user's own. */
async function otherServer(): Promise<{ origin: string; turns: () => number } & AsyncDisposable> {
  let turns = 0;
  const server = createServer((req, res) => {
    if (req.url?.endsWith('/responses') === true) turns += 1;
    res
      .writeHead(400, { 'content-type': 'application/json' })
      .end('{"error":{"message":"refused elsewhere"}}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new TypeError('no port');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    turns: () => turns,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** A config that knows nothing of the proxy, with a comment and a provider of its own. */
function ownConfig(setting: Setting, elsewhere: string | null): string {
  return [
    '# mine',
    ...(elsewhere === null ? [] : ['model_provider = "elsewhere"']),
    'check_for_update_on_startup = false',
    '',
    '[analytics]',
    'enabled = false',
    `[projects."${setting.home.workFolder}"]`,
    'trust_level = "trusted"',
    '[model_providers.elsewhere]',
    'name = "elsewhere"',
    `base_url = "${elsewhere ?? ''}/v1"`,
    'wire_api = "responses"',
    'request_max_retries = 0',
    'stream_max_retries = 0',
    '',
  ].join('\n');
}

const configFile = (setting: Setting): string => join(dirname(setting.home.authFile), 'config.toml');

/** The environment of `codex-pool`: Codex's home, and the address of the proxy; `codex` is in the PATH. */
function cliEnv({ folder, home, proxy }: Setting): Record<string, string> {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'codex'), `#!/bin/sh\nexec '${process.execPath}' '${codexScript}' "$@"\n`);
  chmodSync(join(bin, 'codex'), 0o755);
  const PROXY_LISTEN_ADDR = new URL(proxy.origin).host;
  return { ...home.env, PATH: `${bin}:${home.env['PATH'] ?? ''}`, PROXY_LISTEN_ADDR };
}

const codexPool = async (setting: Setting, ...args: readonly string[]) => codexPoolWith(setting, {}, ...args);

async function codexPoolWith(
  setting: Setting,
  changes: Readonly<Record<string, string>>,
  ...args: readonly string[]
) {
  await using child = new Child(process.execPath, [cli, ...args], {
    env: { ...cliEnv(setting), ...changes },
    cwd: setting.home.workFolder,
  });
  const { code } = await child.ended;
  return { code, stdout: child.stdout, stderr: child.stderr };
}

async function sayHello(terminal: Terminal): Promise<void> {
  await terminal.shows(/Ask Codex to do anything/);
  await terminal.type('say hello');
  await terminal.shows(/› say hello/);
  await terminal.press('Enter');
  await terminal.shows(/• served by [ab]/);
}

/** Codex's terminal UI adds tables of its own at the end of the config. */
function expectOnlyAdditions(setting: Setting, before: string): void {
  const after = readFileSync(configFile(setting), 'utf8');
  expect([after.slice(0, before.length), after.includes(setting.proxy.origin)]).toEqual([before, false]);
}

const served = { code: 0, stdout: expect.stringMatching(/^served by [ab]\n$/) };

it.each<[string, string[]]>([
  ['', []],
  [' --provider', ['--provider']],
])('works after a setup%s, and as before after the undo', async (_name, flags) => {
  await using elsewhere = await otherServer();
  await using setting = await Setting.start();
  const before = ownConfig(setting, elsewhere.origin);
  writeFileSync(configFile(setting), before);
  expect(await codexPool(setting, 'setup', '--yes', ...flags)).toMatchObject({ code: 0 });
  expect(await setting.exec(...prompt)).toMatchObject(served);
  expect(elsewhere.turns()).toBe(0);
  expect(await codexPool(setting, 'undo')).toMatchObject({ code: 0 });
  expect(readFileSync(configFile(setting), 'utf8')).toBe(before);
  const refused = await setting.exec(...prompt);
  expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('refused elsewhere')]);
  expect(elsewhere.turns()).toBeGreaterThan(0);
});

it('shows the sessions from before the setup in the terminal UI, which continues one; the undo keeps what Codex has added', async () => {
  await using setting = await Setting.start();
  const before = ownConfig(setting, null);
  writeFileSync(configFile(setting), before);
  // The provider of a Codex without any proxy; here it must not reach chatgpt.com.
  const { origin } = setting.proxy;
  const overrides = [`openai_base_url="${origin}/v1"`, `chatgpt_base_url="${origin}/backend-api"`];
  const old = setting.codex([...overrides.flatMap((it) => ['-c', it]), 'exec', ...prompt]);
  expect(await old.ended).toMatchObject({ code: 0 });
  expect(await codexPool(setting, 'setup', '--yes')).toMatchObject({ code: 0 });
  await using terminal = await Terminal.start(setting, '--no-daemon', 'resume', '--include-non-interactive');
  await terminal.shows(/› .*say hello/);
  await terminal.press('Enter');
  await terminal.shows(/• served by [ab]/);
  await terminal.type('and again');
  await terminal.shows(/› and again/);
  await terminal.press('Enter');
  await terminal.shows(/and again[^]*• served by [ab]/);
  expect(await codexPool(setting, 'undo')).toMatchObject({ code: 0 });
  expectOnlyAdditions(setting, before);
});

it('works with the login of a setup, which the undo removes', async () => {
  await using setting = await Setting.start({ proxyEnv: { PROXY_CLIENT_TOKEN: 'client-token' } });
  writeFileSync(configFile(setting), ownConfig(setting, null));
  rmSync(setting.home.authFile);
  const env = { PROXY_CLIENT_TOKEN: 'client-token' };
  expect(await codexPoolWith(setting, env, 'setup', '--yes', '--client-login')).toMatchObject({ code: 0 });
  expect(await setting.exec(...prompt)).toMatchObject(served);
  expect(await codexPool(setting, 'undo')).toMatchObject({ code: 0 });
  expect(existsSync(setting.home.authFile)).toBe(false);
});

it('works through `codex-pool codex`, with nothing written: exec, its exit code, the terminal UI', async () => {
  await using elsewhere = await otherServer();
  await using setting = await Setting.start();
  const before = ownConfig(setting, elsewhere.origin);
  writeFileSync(configFile(setting), before);
  expect(await codexPool(setting, 'codex', 'exec', ...prompt)).toMatchObject(served);
  expect(await codexPool(setting, 'codex', '--help')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('Usage: codex '),
  });
  expect(await codexPool(setting, 'codex', 'exec', '--no-such-flag')).toMatchObject({ code: 2 });
  const env = cliEnv(setting);
  // tmux sometimes does not notice the end of a pane's command, so the shell shows it.
  const shell = ['sh', '-c', '"$@"; echo "ended with $?"; read -r _', 'sh'];
  await using terminal = await Terminal.startCommand(setting, env, ...shell, process.execPath, cli, 'codex');
  await sayHello(terminal);
  expect(elsewhere.turns()).toBe(0);
  await terminal.type('/quit');
  await terminal.shows(/\/quit +exit/);
  await terminal.press('Enter');
  await terminal.shows(/ended with 0/);
  expectOnlyAdditions(setting, before);
  expect(readdirSync(dirname(configFile(setting)))).not.toContain('app-server-daemon');
});
