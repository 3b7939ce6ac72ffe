import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { codexScript } from './codex-cli.js';
import type { Setting } from './setting.js';

const LOOK_EVERY_MS = 100;
const run = promisify(execFile);

/** Codex's terminal UI in a separate terminal (its own tmux server). */
export class Terminal implements AsyncDisposable {
  #isOpen = true;

  private constructor(
    private readonly env: Readonly<Record<string, string>>,
    private readonly socket: string,
  ) {}

  /** Starts `codex` with these arguments in a terminal of 120 × 40. */
  static async start(setting: Setting, ...args: readonly string[]): Promise<Terminal> {
    return Terminal.startCommand(setting, setting.home.env, process.execPath, codexScript, ...args);
  }

  /** Starts another command in such a terminal, with exactly this environment. */
  static async startCommand(
    setting: Setting,
    env: Readonly<Record<string, string>>,
    ...command: readonly string[]
  ): Promise<Terminal> {
    const socket = join(setting.folder, 'terminal.sock');
    const config = join(setting.folder, 'tmux.conf');
    // Keeps the screen if Codex dies, because it shows the reason.
    writeFileSync(config, 'set -g remain-on-exit on\nset -g status off\n');
    const terminal = new Terminal(env, socket);
    // As in a setting: a test that timed out does not clean up.
    onTestFinished(async () => terminal.#close());
    const size = ['-x', '120', '-y', '40'];
    await terminal.#tmux(
      '-f',
      config,
      'new-session',
      '-d',
      ...size,
      '-c',
      setting.home.workFolder,
      ...command,
    );
    return terminal;
  }

  /** The current text of the screen. */
  async screen(): Promise<string> {
    return this.#tmux('capture-pane', '-p', '-J');
  }

  /** Types a text; `Enter` is a separate key. */
  async type(text: string): Promise<void> {
    await this.#tmux('send-keys', '-l', text);
  }

  async press(key: 'Enter' | 'Escape' | 'C-c' | 'C-d'): Promise<void> {
    await this.#tmux('send-keys', key);
  }

  /** Waits until the screen shows this; returns the screen. */
  async shows(expected: RegExp, limitMs = 20_000): Promise<string> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      const screen = await this.screen();
      if (expected.test(screen)) return screen;
      if (Date.now() > deadline) throw new Error(`The terminal did not show ${String(expected)}:\n${screen}`);
      await pause(LOOK_EVERY_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close();
  }

  async #close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#tmux('kill-server');
  }

  async #tmux(...args: readonly string[]): Promise<string> {
    const { stdout } = await run('tmux', ['-S', this.socket, ...args], { env: this.env });
    return stdout;
  }
}
