import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import type { Child } from '../codex/support/child.js';
import { CleanMachine, originOf } from './clean-install.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const COMMAND_MS = 60_000;

/** Packs the project into a folder, as for the registry, building it only if it is stale; returns the tarball's path. */
export async function packInto(folder: string): Promise<string> {
  await promisify(execFile)(process.execPath, ['scripts/build-if-stale.mjs'], { cwd: root });
  const options = ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder];
  const { stdout } = await promisify(execFile)('npm', options, { cwd: root });
  const name = stdout.trim().split('\n').at(-1) ?? '';
  if (!name.endsWith('.tgz')) throw new Error(`npm pack printed ${stdout}`);
  return join(folder, name);
}

/** A user with the package installed in one folder, and the program's files in another. */
export class PackageUser implements AsyncDisposable {
  private constructor(private readonly machine: CleanMachine) {}

  /** `npm`: a version as in `npm@12`. `node`: the binary of a Node. */
  static async arrive(npm: string, node: string): Promise<PackageUser> {
    const user = new PackageUser(await CleanMachine.create(npm, { node, hasCache: true }));
    await mkdir(join(user.prefix), { recursive: true });
    await mkdir(join(user.place, 'pool'), { recursive: true });
    await writeFile(join(user.prefix, 'package.json'), '{"private":true}');
    return user;
  }

  /** The folder in which the program is run. */
  get place(): string {
    return join(this.machine.folder, 'place');
  }

  private get prefix(): string {
    return join(this.machine.folder, 'installed');
  }

  /** Installs a tarball, without scripts of packages; returns npm's whole output. */
  async install(tarball: string): Promise<string> {
    return await this.machine.install(this.prefix, ['--ignore-scripts', tarball]);
  }

  async addAccount(fakeUpstream: FakeUpstream, name: string): Promise<void> {
    const path = join(this.place, 'pool', `${name}.json`);
    await writeFile(path, JSON.stringify(fakeUpstream.account(name).authJson()), { mode: 0o600 });
  }

  /** Runs `codex-pool` to its end; returns its exit code and outputs. */
  async command(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const child = this.codexPool(args, env);
    const deadline = setTimeout(() => child.kill('SIGKILL'), COMMAND_MS);
    const { code } = await child.ended;
    clearTimeout(deadline);
    return { code, stdout: child.stdout, stderr: child.stderr };
  }

  /** Runs `codex-pool start`; resolves once it listens. */
  async start(fakeUpstream: FakeUpstream): Promise<{ readonly child: Child; readonly origin: string }> {
    const child = this.codexPool(['start'], { PROXY_LISTEN_ADDR: '127.0.0.1:0', ...fakeUpstream.env });
    return { child, origin: await originOf(child) };
  }

  private codexPool(args: readonly string[], env: Readonly<Record<string, string>>): Child {
    const file = join(this.prefix, 'node_modules', '.bin', 'codex-pool');
    return this.machine.run(file, this.place, args, env);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machine[Symbol.asyncDispose]();
  }
}
