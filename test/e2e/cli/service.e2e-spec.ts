import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { buildProgram } from '../../support/program/child-process.js';
import { CommandHome } from '../../support/program/command-home.js';

/**
 * Stands in for systemd's user manager: starts what the unit says with its working directory, and stops it. It keeps
 * the process id in a file.
 */
const systemctl = String.raw`#!/bin/sh
echo "$*" >> "$HOME/systemctl.log"
unit="$HOME/.config/systemd/user/codex-pool.service"
stop() { [ -f "$HOME/pid" ] && kill "$(cat "$HOME/pid")" 2>/dev/null; rm -f "$HOME/pid"; }
case "$2" in
  show-environment|daemon-reload|enable) ;;
  restart)
    stop
    command=$(sed -n 's/^ExecStart=//p' "$unit")
    cd "$(sed -n 's/^WorkingDirectory=//p' "$unit")" || exit 1
    eval "exec $command" > "$HOME/out" 2>&1 &
    echo $! > "$HOME/pid" ;;
  disable) stop ;;
  is-active)
    if [ -f "$HOME/pid" ] && kill -0 "$(cat "$HOME/pid")" 2>/dev/null; then echo active; else echo failed; fi ;;
esac
`;

let home: CommandHome;
let upstream: FakeUpstream;
let env: Record<string, string>;

beforeAll(async () => {
  await buildProgram();
}, 60_000);
beforeEach(async () => {
  home = await CommandHome.create(null);
  upstream = await FakeUpstream.start({ accounts: ['a'] });
  const bin = join(home.folder, 'bin');
  await mkdir(bin);
  await mkdir(join(home.folder, 'pool'), { mode: 0o700 });
  await writeFile(join(home.folder, 'pool', 'a.json'), JSON.stringify(upstream.account('a').authJson()), {
    mode: 0o600,
  });
  await writeFile(join(bin, 'systemctl'), systemctl, { mode: 0o755 });
  await writeFile(join(bin, 'journalctl'), '#!/bin/sh\ncat "$HOME/out"\n', { mode: 0o755 });
  await writeFile(join(bin, 'loginctl'), '#!/bin/sh\necho Linger=no\n', { mode: 0o755 });
  env = {
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    ...upstream.env,
    PROXY_LISTEN_ADDR: '127.0.0.1:18989',
  };
});
afterEach(async () => {
  await home.run(['service', 'remove'], env);
  await home[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

const unitPath = () => join(home.folder, '.config', 'systemd', 'user', 'codex-pool.service');

describe('codex-pool service', { timeout: 90_000 }, () => {
  it('installs a unit, waits until the proxy answers, and removes it; each twice without harm', async () => {
    for (let round = 0; round < 2; round += 1) {
      const installed = await home.run(['service', 'install'], env);
      expect(installed.stdout).toContain('Running: it answers');
      expect(installed.stderr).toContain('loginctl enable-linger');
      expect(installed.stderr).toContain('does not have this shell');
      expect(installed.code).toBe(0);
    }
    expect((await home.run(['service', 'status'], env)).stdout).toContain('Service: active');
    expect(await readFile(unitPath(), 'utf8')).toContain(`WorkingDirectory=${home.folder}`);
    const removed = await home.run(['service', 'remove'], env);
    expect(removed).toMatchObject({ code: 0, stderr: expect.stringContaining('codex-pool undo') });
    expect((await home.run(['service', 'remove'], env)).stdout).toContain('No service is installed');
    const log = await readFile(join(home.folder, 'systemctl.log'), 'utf8');
    expect(log).toContain('--user daemon-reload\n--user enable codex-pool.service\n--user restart');
  });

  it('shows why the program did not start', async () => {
    await writeFile(join(home.folder, '.env'), 'PROXY_MAX_ATTEMPTS=many\n');
    // The command itself refuses the setting, so the fault comes after its look.
    const refused = await home.run(['service', 'install'], env);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('PROXY_MAX_ATTEMPTS') });
    await writeFile(join(home.folder, '.env'), '');
    await writeFile(join(home.folder, 'data'), 'no folder');
    const failed = await home.run(['service', 'install'], env);
    expect(failed.stderr).toMatch(/The service does not answer .*: it is failed\. It wrote last:\n.*data/s);
    expect(failed.code).toBe(1);
  });

  it('leaves the unit of another program alone', async () => {
    await mkdir(join(unitPath(), '..'), { recursive: true });
    await writeFile(unitPath(), '[Service]\nExecStart=/bin/true\n');
    for (const word of ['install', 'remove']) {
      const end = await home.run(['service', word], env);
      expect(end).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('was not written by codex-pool'),
      });
    }
    expect(await readFile(unitPath(), 'utf8')).toBe('[Service]\nExecStart=/bin/true\n');
  });

  it('says what to do where no user manager answers, and on a dead proxy', async () => {
    await writeFile(
      join(home.folder, 'bin', 'systemctl'),
      '#!/bin/sh\necho "Failed to connect to bus"; exit 1\n',
    );
    const install = await home.run(['service', 'install'], env);
    expect(install).toMatchObject({ code: 1, stderr: expect.stringContaining('codex-pool service print') });
    const status = await home.run(['service', 'status'], env);
    expect(status).toMatchObject({ code: 3, stderr: expect.stringContaining('codex-pool undo') });
  });

  it('prints the unit without writing it', async () => {
    const before = await home.tree();
    const { code, stdout } = await home.run(['service', 'print'], env);
    expect(stdout).toMatch(/^ExecStart=\/usr\/bin\/env "\/.*node" "\/.*cli\.js" "start"$/m);
    expect(stdout).toContain('Restart=on-failure');
    expect(code).toBe(0);
    expect(await home.tree()).toEqual(before);
  });
});
