import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('database-process.mjs', import.meta.url));

/**
 * A second process with the database open. SQLite's locks belong to a process, and two SQLite libraries in one process
 * do not see each other's locks.
 */
export class OtherProgram implements AsyncDisposable {
  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: AsyncIterator<string>,
  ) {}

  static async open(path: string): Promise<OtherProgram> {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script, path], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const { stdin, stdout } = child;
    if (stdin === null || stdout === null) throw new Error('the other program has no pipes');
    const program = new OtherProgram(child, createInterface({ input: stdout })[Symbol.asyncIterator]());
    await program.expect('"open"');
    return program;
  }

  /** Runs one or more statements without results. */
  async run(sql: string): Promise<void> {
    this.child.stdin?.write(`${JSON.stringify(sql)}\n`);
    await this.expect('"done"');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.stdin?.end();
    await ended;
  }

  private async expect(expected: string): Promise<void> {
    const { value } = await this.lines.next();
    if (value !== expected) throw new Error(`the other program: ${String(value)}`);
  }
}
