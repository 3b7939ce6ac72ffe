import { spawn, type ChildProcess } from 'node:child_process';

const STOP_LIMIT_MS = 8_000;
const TOLD_CHARACTERS = 4_000;

/** How a child ended. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** What a child is started with. Its environment is exactly the one given. */
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

/** A process of ours and its descendants: what it prints, what can be waited for, and a sure end. */
export class Child implements AsyncDisposable {
  /** Resolves when the process has ended and all it printed has been read. */
  readonly ended: Promise<ChildEnd>;
  readonly #process: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #stdout = '';
  #stderr = '';
  #end: ChildEnd | null = null;

  constructor(file: string, args: readonly string[], options: ChildOptions) {
    const { env, cwd, withInput = false } = options;
    // A group of its own, so that the end reaches what the process itself has started.
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

  /** The end of what the child has printed, for the report of a test that failed. */
  get told(): string {
    return `--- stdout\n${endOf(this.#stdout)}\n--- stderr\n${endOf(this.#stderr)}`;
  }

  writeLine(line: string): void {
    this.#process.stdin?.write(`${line}\n`);
  }

  /** Ends the child's standard input. */
  endInput(): void {
    this.#process.stdin?.end();
  }

  /** Waits until the function gives something for what was printed so far; fails when the child ends before. */
  async until<Found>(find: (child: Child) => Found | null, what: string, limitMs = 20_000): Promise<Found> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        const found = find(this);
        if (found === null && this.#end === null) return;
        clearTimeout(deadline);
        this.#watchers.delete(look);
        if (found === null) reject(new Error(`The process ended before ${what}\n${this.told}`));
        else resolve(found);
      };
      const deadline = setTimeout(() => {
        this.#watchers.delete(look);
        reject(new Error(`Waited ${limitMs} ms in vain for ${what}\n${this.told}`));
      }, limitMs);
      this.#watchers.add(look);
      look();
    });
  }

  /** Sends a signal to the child and all its descendants; does nothing when they are gone. */
  kill(signal: NodeJS.Signals): void {
    const { pid } = this.#process;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // They have ended by themselves.
    }
  }

  /** Asks it to end, and makes it end if it does not. */
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
