import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFailed, onTestFinished } from 'vitest';
import type { FakeAccountOptions } from '../../../src/fake-upstream/script/account-script.js';
import {
  madeUpPlaceholderLogin,
  type PlaceholderLoginOptions,
} from '../../../src/fake-upstream/script/made-up-credentials.js';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { Child } from './child.js';
import { codexScript } from './codex-cli.js';
import { makeCodexHome, type CodexHome, type ProviderChanges } from './codex-home.js';
import { startProxy, type RunningProxy } from './running-proxy.js';

const TOLD_REQUESTS = 40;

/** Options of a setting. */
export interface SettingOptions {
  readonly accounts?: readonly (string | FakeAccountOptions)[];
  /** Scripts the accounts before the proxy starts and asks for their quota. */
  readonly prepare?: (fakeUpstream: FakeUpstream) => void;
  /** Codex's own login. */
  readonly login?: PlaceholderLoginOptions;
  readonly provider?: ProviderChanges;
  /** Codex uses the login of this account, in a file that the pool links to, and renews it at upstream itself. */
  readonly sharesLoginOf?: string;
  readonly proxyEnv?: Readonly<Record<string, string>>;
}

/** The end of a Codex run. */
export interface CodexRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

/** The environment of one test: made-up accounts, the built proxy, and a Codex that knows only the proxy. */
export class Setting implements AsyncDisposable {
  readonly #children: Child[] = [];

  private constructor(
    readonly folder: string,
    readonly fakeUpstream: FakeUpstream,
    readonly proxy: RunningProxy,
    readonly home: CodexHome,
  ) {}

  static async start(options: SettingOptions = {}): Promise<Setting> {
    const folder = realpathSync(mkdtempSync(join(tmpdir(), 'codex-pool-test-')));
    const { accounts = ['a', 'b'], prepare, login = {}, provider = {}, sharesLoginOf: shared } = options;
    const fakeUpstream = await FakeUpstream.start({ accounts });
    prepare?.(fakeUpstream);
    const pool = join(folder, 'pool');
    mkdirSync(pool);
    for (const it of accounts) {
      const name = typeof it === 'string' ? it : it.name;
      writeFileSync(join(pool, `${name}.json`), JSON.stringify(fakeUpstream.account(name).authJson()), {
        mode: 0o600,
      });
    }
    const paths = { POOL_DIR: pool, PROXY_DB_PATH: join(folder, 'data', 'proxy.db') };
    if (shared !== undefined) linkLogin(pool, shared, folder);
    const proxy = await startProxy(folder, { ...fakeUpstream.env, ...paths, ...options.proxyEnv });
    const home = makeCodexHome(folder, {
      proxyOrigin: proxy.origin,
      login: shared === undefined ? madeUpPlaceholderLogin(login) : fakeUpstream.account(shared).authJson(),
      provider,
      ...(shared === undefined ? {} : { tokenEndpoint: `${fakeUpstream.origin}/oauth/token` }),
    });
    if (shared !== undefined) await fetch(`${proxy.origin}/admin/reload`, { method: 'POST' }); // now the link has a target
    const setting = new Setting(folder, fakeUpstream, proxy, home);
    onTestFailed(() => {
      process.stderr.write(setting.#report());
    });
    // A test that timed out does not clean up while its processes run.
    onTestFinished(async () => setting.#stop());
    return setting;
  }

  /** Starts another proxy on the same pool folder, with a separate database; the test stops it. */
  async secondProxy(env: Readonly<Record<string, string>> = {}): Promise<RunningProxy> {
    const paths = {
      POOL_DIR: join(this.folder, 'pool'),
      PROXY_DB_PATH: join(this.folder, 'data-2', 'proxy.db'),
    };
    return startProxy(this.folder, { ...this.fakeUpstream.env, ...paths, ...env });
  }

  /** Waits until the proxy has polled the account's quota, as it does at startup. */
  async quotaKnown(account: string): Promise<void> {
    await this.fakeUpstream.until(
      (log) =>
        log.some((it) => it.account === account && it.path.endsWith('/wham/usage') && it.endedAt !== null),
      `the proxy to ask for the quota of ${account}`,
    );
  }

  /** Starts Codex with these arguments. */
  codex(args: readonly string[], options: { withInput?: boolean } = {}): Child {
    const { env, workFolder } = this.home;
    const child = new Child(process.execPath, [codexScript, ...args], { env, cwd: workFolder, ...options });
    this.#children.push(child);
    return child;
  }

  /** Runs `codex exec` and waits for its exit. */
  async exec(...args: readonly string[]): Promise<CodexRun> {
    const startedAt = Date.now();
    const child = this.codex(['exec', ...args]);
    const { code } = await child.ended;
    return { code, stdout: child.stdout, stderr: child.stderr, tookMs: Date.now() - startedAt };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }

  async #stop(): Promise<void> {
    for (const child of this.#children) await child.stop();
    await this.proxy.child.stop();
    await this.fakeUpstream.close();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #report(): string {
    const requests = this.fakeUpstream.log
      .slice(-TOLD_REQUESTS)
      .map((it) => `${it.method} ${it.path} account=${it.account ?? '-'} status=${it.status ?? '-'}`);
    const turns = this.fakeUpstream.sockets
      .turns()
      .slice(-TOLD_REQUESTS)
      .map((it) => `socket ${it.socket.id} turn ${it.id} account=${it.account}`);
    const children = this.#children.map((it) => `\n--- codex\n${it.outputTail}`);
    return [
      '\n--- upstream',
      ...requests,
      ...turns,
      '--- proxy',
      this.proxy.child.outputTail,
      ...children,
      '',
    ].join('\n');
  }
}

/** Replaces the pool's file with a link to Codex's login file, as the README describes. */
function linkLogin(pool: string, account: string, folder: string): void {
  const file = join(pool, `${account}.json`);
  rmSync(file);
  symlinkSync(join(folder, 'codex', 'auth.json'), file);
}
