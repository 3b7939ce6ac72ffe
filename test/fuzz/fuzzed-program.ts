import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { Child } from '../codex/support/child.js';
import { buildProgram } from '../support/program/child-process.js';

const host = fileURLToPath(new URL('host.mjs', import.meta.url));
const FIGURES_LIMIT_MS = 15_000;

const figuresSchema = z.object({
  /** Faults outside any connection: the deployed program would stop. */
  uncaught: z.number(),
  /** `codex_pool_faults_total`. */
  faults: z.number(),
  inFlight: z.number(),
  budgetBytes: z.number(),
  /** The longest delay of the event loop since the last figures, and the CPU time of its thread meanwhile. */
  delay: z.object({ ms: z.number(), cpuMs: z.number() }),
  /** Open file descriptors by target. */
  handles: z.record(z.string(), z.number()),
});

export type Figures = z.infer<typeof figuresSchema>;

/** The built program in a process of its own, which tells its figures. */
export class FuzzedProgram implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly origin: string,
    private readonly child: Child,
  ) {}

  static async start(env: Readonly<Record<string, string>>): Promise<FuzzedProgram> {
    const entry = await buildProgram();
    const folder = await mkdtemp(join(tmpdir(), 'codex-pool-fuzz-'));
    await mkdir(join(folder, 'pool'), { mode: 0o700 });
    const child = new Child(process.execPath, [host], {
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: folder,
        XDG_RUNTIME_DIR: join(folder, 'run'),
        PROXY_LISTEN_ADDR: '127.0.0.1:0',
        FUZZ_DIST: dirname(entry),
        ...env,
      },
      cwd: folder,
      withInput: true,
    });
    const listening = (): string | null =>
      /^codex-pool listens on (http:\/\/\S+:[1-9]\d*)$/m.exec(child.stdout)?.[1] ?? null;
    return new FuzzedProgram(folder, await child.until(listening, 'the program to listen', 60_000), child);
  }

  get pool(): string {
    return join(this.folder, 'pool');
  }

  /** The last lines that it has logged as a warning or an error, or written to its standard error. */
  get troubles(): string {
    const lines = this.child.stdout.split('\n').filter((it) => /"level":"(warn|error|fatal)"/.test(it));
    return [...lines.slice(-8).map((it) => it.slice(0, 500)), this.child.stderr.slice(-2_000)].join('\n');
  }

  /** Everything that it has logged. */
  get log(): string {
    return this.child.stdout + this.child.stderr;
  }

  /** Rejects when the program has ended or its loop stands still. */
  async figures(): Promise<Figures> {
    const offset = this.child.stdout.length;
    this.child.writeLine('figures');
    const printed = (): string | null =>
      /^figures (.+)\n/m.exec(this.child.stdout.slice(offset))?.[1] ?? null;
    const text = await this.child.until(printed, 'the figures of the program', FIGURES_LIMIT_MS);
    return figuresSchema.parse(JSON.parse(text));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.child.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
