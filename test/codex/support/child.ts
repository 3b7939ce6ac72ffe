import { spawn, type ChildProcess } from 'node:child_process';

const STOP_LIMIT_MS = 8_000;
const TOLD_CHARACTERS = 4_000;

/** The end of a child. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** Options of a child. Its environment is exactly the one given. */
export interface ChildOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** Keeps the child's standard input open for `writeLine`; otherwise it is empty. */
  readonly withInput?: boolean;
}

const endOf = (text: string): string => text.slice(-TOLD_CHARACTERS);

const running = new Set<Child>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A child process with its descendants: collects its output, waits for it, and ends it reliably. */
export class Child implements AsyncDisposable {
  /** Resolves when the process has ended and all its output has been read. */
  readonly ended: Promise<ChildEnd>;
  readonly #process: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #stdout = '';
  #stderr = '';
  #end: ChildEnd | null = null;

  constructor(file: string, args: readonly string[], options: ChildOptions) {
    const { env, cwd, withInput = false } = options;
    // A separate process group, so that signals also reach its descendants.
    const child = spawn(file, args, {
      env,
      cwd,
      detached: true,
      stdio: [withInput ? 'pipe' : 'ignore', 'pipe', 'pipe'],
    });
    this.#process = child;
    running.add(this);
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#changed();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
      this.#changed();
    });
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => {
        this.#end = { code, signal };
        running.delete(this);
        this.#changed();
        resolve(this.#end);
      });
    });
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The end of its output, for the report of a failed test. */
  get outputTail(): string {
    return `--- stdout\n${endOf(this.#stdout)}\n--- stderr\n${endOf(this.#stderr)}`;
  }

  writeLine(line: string): void {
    this.write(`${line}\n`);
  }

  write(text: string): void {
    this.#process.stdin?.write(text);
  }

  /** Ends the child's standard input. */
  endInput(): void {
    this.#process.stdin?.end();
  }

  /** Waits until the function returns a value for the output so far; fails if the child ends first. */
  async until<Found>(find: (child: Child) => Found | null, what: string, limitMs = 20_000): Promise<Found> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find(this);
        if (found === null && this.#end === null) return;
        clearTimeout(deadline);
        this.#watchers.delete(look);
        if (found === null) reject(new Error(`The process ended before ${what}\n${this.outputTail}`));
        else resolve(found);
      };
      const deadline = setTimeout(() => {
        this.#watchers.delete(look);
        reject(new Error(`timed out after ${limitMs} ms waiting for ${what}\n${this.outputTail}`));
      }, limitMs);
      this.#watchers.add(look);
      look();
    });
  }

  /** Sends a signal to the child and all its descendants; does nothing if they have ended. */
  kill(signal: NodeJS.Signals): void {
    const { pid } = this.#process;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // They have ended by themselves.
    }
  }

  /** Sends a signal to the child itself, and not to its descendants. */
  killOnly(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Sends SIGTERM, then SIGKILL if it does not end. */
  async stop(): Promise<void> {
    if (this.#end === null) {
      this.kill('SIGTERM');
      const deadline = setTimeout(() => this.kill('SIGKILL'), STOP_LIMIT_MS);
      await this.ended;
      clearTimeout(deadline);
    }
    // The leader may have left descendants behind.
    this.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #changed(): void {
    for (const look of this.#watchers) look();
  }
}
