import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Child } from '../codex/support/child.js';
import { mountsOf, PATH, prepareBase } from './base-image.js';
import { npmSetting } from './clean-install.js';
import { contextNames, type Instruction, stages } from './dockerfile.js';

const project = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);
const STEP_MS = 400_000;
/** The user `node` of the image of Node. */
const NODE_USER = '1000';
const passed = ['HTTPS_PROXY', 'HTTP_PROXY', 'NO_PROXY', 'https_proxy', 'http_proxy', 'no_proxy'];

/**
 * Returns whether this user may mount and this system is Debian 12 like the image, which lends its `/usr`; says in a
 * sentence if the test is left out.
 */
export function canSimulate(): boolean {
  try {
    execFileSync('unshare', ['--mount', 'grep', '-q', 'VERSION_CODENAME=bookworm', '/etc/os-release']);
    return true;
  } catch {
    process.stdout.write('The image is simulated only by root on Debian 12; its test is left out.\n');
    return false;
  }
}

/**
 * The image that the Dockerfile describes, without an engine: each stage is a folder that commands see as their root,
 * with this system's `/usr`, and Node and npm in `/usr/local`, as in the image of Node.
 */
export class SimulatedImage implements AsyncDisposable {
  readonly #children: Child[] = [];
  private constructor(private readonly folder: string) {}

  /** Carries out all instructions. @throws Error with the output of a command that fails */
  static async build(): Promise<SimulatedImage> {
    const image = new SimulatedImage(await mkdtemp(join(tmpdir(), 'codex-pool-image-')));
    try {
      for (const [index, { name, instructions }] of stages().entries())
        await image.#buildStage(name === '' ? `stage-${index}` : name, instructions);
    } catch (error) {
      await image[Symbol.asyncDispose]();
      throw error;
    }
    return image;
  }

  /** The root of the image. */
  get root(): string {
    return join(this.folder, `stage-${stages().length - 1}`);
  }

  get #local(): string {
    return join(this.folder, 'local');
  }

  /** Whether a package is installed in the image. */
  hasPackage(name: string): boolean {
    return existsSync(join(this.root, 'app/node_modules', name, 'package.json'));
  }

  /** A folder that a running image sees as a volume. */
  volume(path: string): string {
    return join(this.folder, `volume${path.replaceAll('/', '-')}`);
  }

  /**
   * Runs a command as a container would: as user `node` without capabilities, with a read-only root, an empty `/tmp`
   * and these volumes, which take over content, owner and mode from the image when they are new.
   */
  async start(command: readonly string[], volumes: readonly string[], env: Record<string, string>) {
    for (const it of volumes.filter((path) => !existsSync(this.volume(path))))
      await run('cp', ['-a', `${this.root}${it}`, this.volume(it)]);
    const script = [
      ...mountsOf(this.root, this.#local),
      `mount --bind ${this.root} ${this.root}.ro && mount -o remount,bind,ro ${this.root}.ro`,
      ...['/usr', '/usr/local', '/proc', '/dev'].map(
        (it) => `mount --bind ${this.root}${it} ${this.root}.ro${it}`,
      ),
      `mount -o remount,bind,ro ${this.root}.ro/usr/local`,
      `mount -t tmpfs -o mode=1777 tmpfs ${this.root}.ro/tmp`,
      ...volumes.map((it) => `mount --bind ${this.volume(it)} ${this.root}.ro${it}`),
      `exec chroot ${this.root}.ro setpriv --reuid ${NODE_USER} --regid ${NODE_USER} --clear-groups --bounding-set=-all --no-new-privs "$@"`,
    ];
    await mkdir(`${this.root}.ro`, { recursive: true });
    const args = ['--mount', '--propagation', 'private', 'sh', '-ec', script.join('\n'), 'sh', ...command];
    const child = new Child('unshare', args, { env: { PATH: `${PATH}:/usr/sbin`, ...env }, cwd: '/' });
    this.#children.push(child);
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const it of this.#children) await it.stop();
    // Mounts vanish with the namespace of their command, so that only files of this folder are deleted.
    await rm(this.folder, { recursive: true, force: true });
  }

  async #buildStage(name: string, instructions: readonly Instruction[]): Promise<void> {
    const root = join(this.folder, name);
    await prepareBase(root, this.#local);
    let cwd = '/';
    for (const { name: kind, text } of instructions) {
      if (kind === 'WORKDIR') await mkdir(`${root}${text}`, { recursive: true });
      if (kind === 'WORKDIR') cwd = text;
      if (kind === 'COPY') await this.#copy(text, `${root}${cwd}`);
      if (kind === 'RUN') await this.#run(root, cwd, text);
    }
  }

  async #copy(text: string, target: string): Promise<void> {
    const from = /^--from=(\S+) (\S+) (\S+)$/.exec(text);
    if (from !== null) {
      const [, stage = '', source = '', to = ''] = from;
      const whole = to.endsWith('/') ? join(target, to, source.split('/').at(-1) ?? '') : join(target, to);
      await run('cp', ['-aT', join(this.folder, `${stage}${source}`), whole]);
      return;
    }
    const sources = text.split(' ').slice(0, -1);
    const names = sources[0] === '.' ? contextNames() : sources;
    for (const it of names)
      if (!contextNames().includes(it)) throw new Error(`.dockerignore keeps ${it} out`);
    const { stdout } = await run(
      'git',
      ['ls-files', '-z', '--cached', '--others', '--exclude-standard', ...names],
      { cwd: project },
    );
    for (const path of stdout.split('\0').filter((it) => it !== '')) {
      await mkdir(dirname(join(target, path)), { recursive: true });
      await copyFile(join(project, path), join(target, path));
    }
  }

  async #run(root: string, cwd: string, command: string): Promise<void> {
    const cache = await npmSetting('cache');
    await mkdir(cache, { recursive: true });
    const script = [
      ...mountsOf(root, this.#local),
      // Docker keeps no cache either; this spares the registry a second fetch.
      `mkdir -p ${root}/tmp/cache && mount --bind ${cache} ${root}/tmp/cache`,
      `exec chroot ${root} /bin/sh -c ${quoted(`cd ${cwd} && ${command}`)}`,
    ];
    const env = await environmentOfBuild();
    const args = ['--mount', '--propagation', 'private', 'sh', '-ec', script.join('\n')];
    const child = new Child('unshare', args, { env, cwd: '/' });
    this.#children.push(child);
    const deadline = setTimeout(() => child.kill('SIGKILL'), STEP_MS);
    const { code } = await child.ended;
    clearTimeout(deadline);
    if (code !== 0) throw new Error(`RUN ${command}: exit code ${code}\n${child.outputTail}`);
  }
}

/** Returns what a build gets: the way to this machine's registry. */
async function environmentOfBuild(): Promise<Record<string, string>> {
  const found = passed.flatMap((it): [string, string][] => {
    const value = process.env[it];
    return value === undefined ? [] : [[it, value]];
  });
  const authority =
    process.env['NODE_EXTRA_CA_CERTS'] === undefined ? {} : { NODE_EXTRA_CA_CERTS: '/etc/authority.pem' };
  return {
    PATH: `${PATH}:/usr/sbin:/sbin`,
    HOME: '/root',
    npm_config_cache: '/tmp/cache',
    npm_config_registry: await npmSetting('registry'),
    ...authority,
    ...Object.fromEntries(found),
  };
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
