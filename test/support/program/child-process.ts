import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { Child } from '../../codex/support/child.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);
const builds = join(root, 'node_modules', '.cache', 'codex-pool');
const bundler = join('scripts', 'build-bundle.mjs');
const buildInputs = [
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  bundler,
  join('scripts', 'bundle-plugins.mjs'),
];
const AN_HOUR_MS = 3_600_000;

let building: Promise<string> | null = null;

/**
 * Builds the program from the current sources; returns its entry. Each state of the sources has a separate folder,
 * created atomically, so that parallel runs share it and `dist` stays untouched. A test that ends before its build
 * leaves it to the next one.
 */
export async function buildProgram(): Promise<string> {
  return await (building ??= build());
}

async function build(): Promise<string> {
  const folder = join(builds, await hashOfSources());
  const entry = join(folder, 'dist', 'main.js');
  if (existsSync(entry)) return entry;
  await mkdir(builds, { recursive: true });
  await dropOldBuilds();
  const draft = await mkdtemp(join(builds, 'draft-'));
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  // Without type checks, which run elsewhere.
  const options = ['-p', 'tsconfig.build.json', '--noCheck', '--outDir', join(draft, 'dist')];
  await run(process.execPath, [compiler, ...options], { cwd: root });
  await run(process.execPath, [bundler, join(draft, 'dist')], { cwd: root });
  await copyFile(join(root, 'package.json'), join(draft, 'package.json'));
  try {
    await rename(draft, folder);
  } catch (error) {
    await rm(draft, { recursive: true });
    if (!existsSync(entry)) throw error; // otherwise another worker was faster
  }
  return entry;
}

async function hashOfSources(): Promise<string> {
  const found = await readdir(join(root, 'src'), { recursive: true });
  const sources = found.filter((it) => it.endsWith('.ts') && !it.endsWith('.spec.ts')).toSorted();
  const hash = createHash('sha256');
  for (const path of [...buildInputs, ...sources.map((it) => join('src', it))]) {
    hash.update(`${path}\0`).update(await readFile(join(root, path)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function dropOldBuilds(): Promise<void> {
  for (const name of await readdir(builds)) {
    const { mtimeMs } = await stat(join(builds, name));
    if (Date.now() - mtimeMs > AN_HOUR_MS) await rm(join(builds, name), { recursive: true, force: true });
  }
}

export interface ProgramOptions {
  /** The backend. Without `accounts`, the pool is empty. */
  readonly fakeUpstream?: FakeUpstream;
  readonly accounts?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Text of a `.env` file in the working directory. */
  readonly dotEnv?: string;
  /** Another entry than that of `buildProgram`. */
  readonly entry?: string;
}

/** The built program in a separate process, with a temporary folder as working directory and home. */
export class Program implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly child: Child,
  ) {}

  /** Starts it without waiting until it listens (see `origin`, `child.ended`). */
  static async spawn(options: ProgramOptions = {}): Promise<Program> {
    const entry = options.entry ?? (await buildProgram());
    const folder = await mkdtemp(join(tmpdir(), 'codex-pool-program-'));
    const { fakeUpstream, accounts = [], dotEnv } = options;
    if (accounts.length > 0) await mkdir(join(folder, 'pool'));
    for (const name of accounts) {
      const text = JSON.stringify(fakeUpstream?.account(name).authJson());
      await writeFile(join(folder, 'pool', `${name}.json`), text, { mode: 0o600 });
    }
    if (dotEnv !== undefined) await writeFile(join(folder, '.env'), dotEnv);
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      ...(dotEnv === undefined ? { PROXY_LISTEN_ADDR: '127.0.0.1:0' } : {}),
      // Only loopback, even in a test without a fake upstream.
      ...(fakeUpstream?.env ?? {
        UPSTREAM_WHAM_BASE: 'http://127.0.0.1:9',
        UPSTREAM_RESPONSES_BASE: 'http://127.0.0.1:9',
      }),
      ...options.env,
    };
    return new Program(folder, new Child(process.execPath, [entry], { env, cwd: folder }));
  }

  /** The origin that it prints when it listens. */
  async origin(): Promise<string> {
    const listening = () =>
      /^codex-pool listens on (http:\/\/\S+:[1-9]\d*)$/m.exec(this.child.stdout)?.[1] ?? null;
    return this.child.until(listening, 'the program to print its address');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
