import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Child } from '../../codex/support/child.js';
import { CommandHome } from '../../support/program/command-home.js';

let home: CommandHome;
let path = '';

beforeAll(async () => {
  home = await CommandHome.create(null);
  await mkdir(join(home.folder, 'logins'));
  for (const name of ['work', 'home', '$(touch pwned)'])
    await writeFile(join(home.folder, 'logins', `${name}.json`), '{}');
  await writeFile(join(home.folder, 'auth-of-mine.txt'), '');
  await writeFile(join(home.folder, '.env'), 'POOL_DIR=./logins\n');
  // The command as an installed package has it on the PATH.
  const folder = join(home.folder, 'bin');
  await mkdir(folder);
  const command = join(folder, 'codex-pool');
  await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${home.script}' "$@"\n`);
  await chmod(command, 0o755);
  path = `${folder}:${process.env['PATH'] ?? ''}`;
}, 60_000);
afterAll(async () => {
  await home[Symbol.asyncDispose]();
});

/** A real shell on a terminal, which has loaded the completions twice, as when its settings are read again. */
class Shell implements AsyncDisposable {
  private constructor(private readonly child: Child) {}

  /** @param begin commands before the completions are loaded */
  static async start(command: string, begin: string, shell: string): Promise<Shell> {
    const child = new Child(
      'script',
      ['--quiet', '--flush', '--return', '--command', `stty cols 200; exec ${command}`, '/dev/null'],
      {
        env: { PATH: path, HOME: home.folder, TERM: 'dumb', PS1: '> ', LC_ALL: 'C.UTF-8' },
        cwd: home.folder,
        withInput: true,
      },
    );
    const load = `source <(codex-pool complete ${shell})`;
    child.writeLine(`${begin}${load} && ${load} && echo "loaded: $?"`);
    await child.until((it) => (/^loaded: 0\r$/m.test(it.stdout) ? true : null), 'the completions');
    return new Shell(child);
  }

  /** Everything that it has shown. */
  get shown(): string {
    return this.child.stdout;
  }

  /** Types into an empty line until the shell shows a text; then clears the line. */
  async type(keys: string, expected: string): Promise<void> {
    const before = this.child.stdout.length;
    this.child.write(keys);
    await this.child.until(
      (it) => (it.stdout.slice(before).includes(expected) ? true : null),
      `"${expected}"`,
    );
    this.child.write('\u0015'); // Ctrl-U
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]();
  }
}

/** Whether tests of this shell run: where it is missing, only if all shells are required. */
function has(shell: string): boolean {
  if (process.env['TEST_SHELLS'] === 'required') return true;
  try {
    execFileSync(shell, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const cases: readonly (readonly [string, string])[] = [
  ['codex-pool pau\t', 'pause '],
  ['codex-pool status --wat\t', 'status --watch '],
  ['codex-pool pause wo\t', 'pause work '],
  ['codex-pool import auth\t', 'import auth-of-mine.txt'],
  ['codex-pool re\t\t', 'refresh'],
];

describe('completion', { timeout: 60_000 }, () => {
  it('works in bash without the package bash-completion, and runs nothing that is being typed', async () => {
    await using bash = await Shell.start('bash --norc --noprofile -i', '', 'bash');
    for (const [keys, expected] of cases) await bash.type(keys, expected);
    await bash.type('codex-pool pause --for "$(touch typed)" wo\t', ' work ');
    await bash.type('codex-pool pause \t\t', 'home');
    expect(bash.shown).not.toContain('pwned');
    expect(bash.shown).not.toMatch(/not found|readonly|syntax error/);
    expect(await readdir(home.folder)).not.toContain('typed');
  });

  it.skipIf(!has('zsh'))('works in zsh', async () => {
    await using zsh = await Shell.start('zsh -f -i', 'autoload -Uz compinit; compinit -u -D; ', 'zsh');
    for (const [keys, expected] of cases) await zsh.type(keys, expected);
    expect(zsh.shown).not.toMatch(/not found|parse error/);
  });

  it.skipIf(!has('fish'))('works in fish', async () => {
    const script = [
      'codex-pool complete fish | source',
      'codex-pool complete fish | source',
      ...['pau', 'status --wat', 'pause wo', 'import auth'].map((it) => `complete -C "codex-pool ${it}"`),
    ].join('\n');
    await using fish = new Child('fish', ['--no-config', '-c', script], {
      env: { PATH: path, HOME: home.folder, TERM: 'dumb' },
      cwd: home.folder,
    });
    expect((await fish.ended).code).toBe(0);
    expect(fish.stderr).toBe('');
    const words = fish.stdout.split('\n').map((it) => it.split('\t')[0]);
    expect(words).toEqual(['pause', '--watch', 'work', 'auth-of-mine.txt', '']);
  });

  it('says how it is installed, and refuses a shell that it does not know', async () => {
    const help = await home.run(['complete', '--help']);
    expect(help.stdout).toContain('source <(codex-pool complete bash)');
    expect(help.code).toBe(0);
    expect((await home.run(['complete', 'powershell'])).stdout).toContain('Register-ArgumentCompleter');
    const unknown = await home.run(['complete', 'tcsh']);
    expect(unknown.stderr).toContain('bash');
    expect(unknown.code).toBe(2);
  });
});
