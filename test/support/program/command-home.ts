import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Child } from '../../codex/support/child.js';
import { buildProgram } from './child-process.js';

/** The end of a command. */
export interface CommandEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A home folder with the home of Codex in it, and the built command line, which sees nothing else. */
export class CommandHome implements AsyncDisposable {
  readonly codexFolder: string;
  readonly config: string;
  readonly login: string;

  private constructor(
    readonly folder: string,
    readonly script: string,
  ) {
    this.codexFolder = join(folder, '.codex');
    this.config = join(this.codexFolder, 'config.toml');
    this.login = join(this.codexFolder, 'auth.json');
  }

  /** Makes the home. `config`: content of Codex's `config.toml`; null makes no folder for Codex. */
  static async create(config: string | Uint8Array | null): Promise<CommandHome> {
    const script = join(dirname(await buildProgram()), 'cli', 'cli.js');
    await chmod(join(script, '..', '..', '..'), 0o755); // other users may run it, too
    const home = new CommandHome(await realpath(await mkdtemp(join(tmpdir(), 'codex-pool-home-'))), script);
    if (config !== null) {
      await mkdir(home.codexFolder);
      await writeFile(home.config, config);
    }
    return home;
  }

  /** Starts `codex-pool` with these arguments. `undefined` removes a variable. */
  start(args: readonly string[], changes: Readonly<Record<string, string | undefined>> = {}): Child {
    return this.startAs([process.execPath], args, changes);
  }

  /** As `start`, on a terminal, whose keys are written to the child. Both outputs come as one. */
  startOnTerminal(
    args: readonly string[],
    changes: Readonly<Record<string, string>> = {},
    columns = 100,
  ): Child {
    const env = { PATH: process.env['PATH'] ?? '', HOME: this.folder, TERM: 'xterm', ...changes };
    const words = [process.execPath, this.script, ...args].map((it) => `'${it}'`).join(' ');
    const command = `stty cols ${columns} rows 30; exec ${words}`;
    // util-linux: a terminal of its own, and the exit code of the command.
    const options = { env, cwd: this.folder, withInput: true };
    return new Child(
      'script',
      ['--quiet', '--flush', '--return', '--command', command, '/dev/null'],
      options,
    );
  }

  /** As `start`, behind another command, such as one that changes the user. */
  startAs(
    command: readonly [string, ...string[]],
    args: readonly string[],
    changes: Readonly<Record<string, string | undefined>> = {},
  ): Child {
    const env: Record<string, string> = {};
    const all = { PATH: process.env['PATH'] ?? '', HOME: this.folder, ...changes };
    for (const [name, value] of Object.entries(all)) if (value !== undefined) env[name] = value;
    const [file, ...first] = command;
    return new Child(file, [...first, this.script, ...args], { env, cwd: this.folder });
  }

  async run(
    args: readonly string[],
    changes: Readonly<Record<string, string | undefined>> = {},
  ): Promise<CommandEnd> {
    return endOf(this.start(args, changes));
  }

  /** Every file, folder and link below the home, with its content; without our lock file, which stays. */
  async tree(): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const path of await readdir(this.folder, { recursive: true })) {
      const full = join(this.folder, path);
      const facts = await lstat(full);
      const mode = (facts.mode & 0o777).toString(8);
      if (facts.isSymbolicLink()) found[path] = `link to ${await readlink(full)}`;
      else if (facts.isFile()) found[path] = `${mode} ${(await readFile(full)).toString('base64')}`;
      else found[path] = `folder ${mode}`;
    }
    return Object.fromEntries(Object.entries(found).filter(([it]) => !isOwn(it)));
  }

  /** Paths of the records of setups. */
  async records(): Promise<string[]> {
    const folder = join(this.folder, '.local', 'state', 'codex-pool', 'setup');
    const names = await readdir(folder).catch(() => []);
    return names.filter((it) => it.endsWith('.json')).map((it) => join(folder, it));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Waits for the end of a command. */
export async function endOf(child: Child): Promise<CommandEnd> {
  const end = await child.ended;
  return { ...end, stdout: child.stdout, stderr: child.stderr };
}

/** Our lock file, and the folders of our records, which stay after an undo. */
function isOwn(path: string): boolean {
  return (path === '.local' || path.startsWith('.local/state')) && !path.endsWith('.json');
}
