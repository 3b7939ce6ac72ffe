import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { Child } from '../codex/support/child.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));
const INSTALL_MS = 400_000;
const START_MS = 120_000;

/** Variables with which this machine reaches its registry. No others are passed on. */
const EGRESS_VARIABLES = [
  'NODE_EXTRA_CA_CERTS',
  'HTTPS_PROXY',
  'HTTP_PROXY',
  'NO_PROXY',
  'https_proxy',
  'http_proxy',
  'no_proxy',
];

/** The commands that npm and its scripts need; no compiler, Python or make. */
const BARE_COMMANDS = ['sh', 'env', 'uname'];

/** How a machine differs from that of a new user with all commands and an empty npm cache. */
export interface MachineOptions {
  /** Without the machine's commands, so also without a compiler. */
  readonly isBare?: boolean;
  /** The binary of another Node. */
  readonly node?: string;
  /** With the npm cache of this machine, so that packages are not fetched once more. */
  readonly hasCache?: boolean;
}

/** A machine of a new user: an empty home, a given npm, and an npm cache that is empty unless asked otherwise. */
export class CleanMachine implements AsyncDisposable {
  readonly #children: Child[] = [];
  private constructor(
    readonly folder: string,
    private readonly env: Readonly<Record<string, string>>,
  ) {}

  /** `npm`: a version as in `npm@12`. */
  static async create(
    npm: string,
    { isBare = false, node = process.execPath, hasCache = false }: MachineOptions = {},
  ): Promise<CleanMachine> {
    const folder = await mkdtemp(join(tmpdir(), 'codex-pool-newcomer-'));
    const bin = join(folder, 'bin');
    const home = join(folder, 'home');
    for (const it of [bin, home]) await mkdir(it);
    const wayOut = EGRESS_VARIABLES.map((name) => [name, process.env[name]] as const);
    const env = {
      HOME: home,
      PATH: isBare ? bin : [bin, process.env['PATH'] ?? ''].join(delimiter),
      npm_config_cache: hasCache ? await npmSetting('cache') : join(folder, 'cache'),
      npm_config_registry: await npmSetting('registry'),
      ...Object.fromEntries(wayOut.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))),
    };
    await run('npm', ['install', '--prefix', join(folder, 'npm'), `npm@${npm}`]);
    await symlink(node, join(bin, 'node'));
    await symlink(join(folder, 'npm', 'node_modules', '.bin', 'npm'), join(bin, 'npm'));
    if (isBare) for (const it of BARE_COMMANDS) await symlink(await pathOf(it), join(bin, it));
    return new CleanMachine(folder, env);
  }

  /** Runs `npm install` in a folder; returns its whole output. */
  async install(cwd: string, options: readonly string[]): Promise<string> {
    const child = this.npm(cwd, ['install', ...options]);
    const deadline = setTimeout(() => child.kill('SIGKILL'), INSTALL_MS);
    const { code } = await child.ended;
    clearTimeout(deadline);
    if (code !== 0) throw new Error(`npm install failed\n${child.outputTail}`);
    return child.stdout + child.stderr;
  }

  npm(cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
    return this.run(join(this.folder, 'bin', 'npm'), cwd, args, env);
  }

  run(file: string, cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
    const child = new Child(file, args, { env: { ...this.env, ...env }, cwd });
    this.#children.push(child);
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) await child.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Waits until a program that was started on any free port listens; returns its origin. */
export async function originOf(child: Child): Promise<string> {
  const told = (): string | null =>
    /^codex-pool listens on (http:\/\/\S+:[1-9]\d*)$/m.exec(child.stdout)?.[1] ?? null;
  return await child.until(told, 'the program to listen', START_MS);
}

/** A new user with a clone of the project. */
export class Newcomer implements AsyncDisposable {
  private constructor(private readonly machine: CleanMachine) {}

  static async arrive(npm: string, { isBare = false } = {}): Promise<Newcomer> {
    const newcomer = new Newcomer(await CleanMachine.create(npm, { isBare }));
    await copyProject(newcomer.project);
    return newcomer;
  }

  get project(): string {
    return join(this.machine.folder, 'codex-pool');
  }

  /** The whole output of npm. */
  async install(...options: readonly string[]): Promise<string> {
    return await this.machine.install(this.project, options);
  }

  async addAccount(fakeUpstream: FakeUpstream, name: string): Promise<void> {
    const path = join(this.project, 'pool', `${name}.json`);
    await writeFile(path, JSON.stringify(fakeUpstream.account(name).authJson()), { mode: 0o600 });
  }

  /** Runs `npm start`; resolves once it listens. `ms`: the time until then. */
  async start(fakeUpstream: FakeUpstream): Promise<{ child: Child; origin: string; ms: number }> {
    const startedAt = performance.now();
    const env = { PROXY_LISTEN_ADDR: '127.0.0.1:0', ...fakeUpstream.env };
    const child = this.machine.npm(this.project, ['start'], env);
    const origin = await originOf(child);
    return { child, origin, ms: performance.now() - startedAt };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine[Symbol.asyncDispose]();
  }
}

/** Returns a setting of the npm of this machine. */
export async function npmSetting(name: 'cache' | 'registry'): Promise<string> {
  const { stdout } = await run('npm', ['config', 'get', name], { cwd: tmpdir() });
  return stdout.trim();
}

async function pathOf(command: string): Promise<string> {
  const { stdout } = await run('sh', ['-c', `command -v ${command}`]);
  return stdout.trim();
}

/** Copies the files under version control, and new ones that are not ignored. */
async function copyProject(to: string): Promise<void> {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { stdout } = await run('git', list, { cwd: root });
  for (const path of stdout.split('\0').filter((it) => it !== '')) {
    if (!existsSync(join(root, path))) continue; // deleted, and not yet committed
    await mkdir(dirname(join(to, path)), { recursive: true });
    await cp(join(root, path), join(to, path));
  }
}
