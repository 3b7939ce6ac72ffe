import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '../config/app.config.js';
import { type RunningApp, startApp } from '../bootstrap/app.setup.js';
import { RecentErrors } from '../observability/recent-errors.js';
import type { AuthJson } from '../fake-upstream/script/made-up-credentials.js';
import { FakeUpstream } from '../fake-upstream/fake-upstream.js';
import { DemoLogger } from './demo-logger.js';
import { type FaultName, faults } from './faults.js';
import { first, people } from './made-up-people.js';
import { spoken } from './word-stream.js';

export interface DemoPoolOptions {
  /** Port of the proxy; 0: any free port. */
  readonly port: number;
  readonly isVerbose: boolean;
  /** Pause between two words of a turn. */
  readonly wordPauseMs: number;
}

/**
 * The program as deployed, in this process, in front of a fake upstream with made-up accounts. It writes only to one
 * temporary folder, which is removed when the demo or the process ends.
 */
export class DemoPool implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'codex-pool-demo-'));
  readonly #removeFolder = () => rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  #running: RunningApp | null = null;

  private constructor(
    readonly fakeUpstream: FakeUpstream,
    private readonly options: DemoPoolOptions,
  ) {
    process.once('exit', this.#removeFolder);
  }

  static async start(options: DemoPoolOptions): Promise<DemoPool> {
    const fakeUpstream = await FakeUpstream.start({ accounts: people });
    const pool = new DemoPool(fakeUpstream, options);
    try {
      for (const { name, windows } of people) fakeUpstream.account(name).usage(...windows);
      pool.says('served by {account}');
      await pool.#start();
      return pool;
    } catch (error) {
      await pool[Symbol.asyncDispose]();
      throw error;
    }
  }

  get origin(): string {
    const { host, port } = this.#running?.address ?? { host: '127.0.0.1', port: this.options.port };
    return `http://${host}:${port}`;
  }

  /** Sets the text of every turn of every account. */
  says(text: string): void {
    for (const { name } of people) this.fakeUpstream.account(name).always(this.#spoken(text));
  }

  /** Makes the first account's turns fail from now on. */
  befalls(fault: FaultName): void {
    faults[fault].inject(this.fakeUpstream.account(first.name), this.options.wordPauseMs);
  }

  /** Puts a login into the pool whose access token expires after `seconds`. */
  async putShortLogin(name: string, seconds: number): Promise<void> {
    await this.#putLogin(name, this.fakeUpstream.account(name).loginAgain(seconds));
  }

  #spoken(text: string) {
    return spoken(text, this.options.wordPauseMs);
  }

  async #start(): Promise<void> {
    await mkdir(join(this.folder, 'pool'), { mode: 0o700 });
    for (const { name } of people) await this.#putLogin(name, this.fakeUpstream.account(name).authJson());
    // Only these settings and the defaults, nothing from the user's environment or .env.
    const config = loadConfig({
      PROXY_LISTEN_ADDR: `127.0.0.1:${this.options.port}`,
      POOL_DIR: join(this.folder, 'pool'),
      PROXY_DB_PATH: join(this.folder, 'data', 'proxy.db'),
      PROXY_DRAIN_SECONDS: '1',
      XDG_RUNTIME_DIR: join(this.folder, 'run'),
      PROXY_DEBUG: this.options.isVerbose ? '1' : '0',
      ...this.fakeUpstream.env,
    });
    const errors = new RecentErrors();
    this.#running = await startApp(config, {
      logger: new DemoLogger(errors, this.options.isVerbose),
      errors,
    });
  }

  /** Renames the file into place, because the proxy may read it at any time. */
  async #putLogin(name: string, login: AuthJson): Promise<void> {
    const draft = join(this.folder, `${name}.draft`);
    await writeFile(draft, JSON.stringify(login, null, 2), { mode: 0o600 });
    await rename(draft, join(this.folder, 'pool', `${name}.json`));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.#running?.stop();
      await this.fakeUpstream.close();
    } finally {
      this.#removeFolder();
    }
  }
}
