import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FakeAccountOptions } from '../../../src/fake-upstream/script/account-script.js';
import { accountSchema, type AccountView } from '../../../src/api/account.js';
import { FakeUpstream } from '../../../src/fake-upstream/fake-upstream.js';
import { type RunningProxy, startProxy } from '../../codex/support/running-proxy.js';
import { aTurn } from '../../support/pool/pool.js';

/** The built program in a process of its own, in front of a fake upstream. */
export class BrowserPool implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly fakeUpstream: FakeUpstream,
    private proxy: RunningProxy,
    private readonly settings: Readonly<Record<string, string>>,
  ) {}

  /**
   * `accounts` are known upstream; `inPool` names those that the pool starts with (default: all). `settings` are those of
   * the program beside the addresses of upstream.
   */
  static async start(
    accounts: readonly FakeAccountOptions[],
    {
      inPool = accounts.map((it) => it.name),
      prepare,
      settings = {},
    }: {
      inPool?: readonly string[];
      prepare?: (fakeUpstream: FakeUpstream) => void;
      settings?: Readonly<Record<string, string>>;
    } = {},
  ): Promise<BrowserPool> {
    const folder = mkdtempSync(join(tmpdir(), 'codex-pool-browser-'));
    const fakeUpstream = await FakeUpstream.start({ accounts });
    prepare?.(fakeUpstream);
    mkdirSync(join(folder, 'pool'));
    for (const name of inPool) {
      const login = JSON.stringify(fakeUpstream.account(name).authJson());
      writeFileSync(join(folder, 'pool', `${name}.json`), login, { mode: 0o600 });
    }
    const proxy = await startProxy(folder, { ...fakeUpstream.env, ...settings });
    return new BrowserPool(folder, fakeUpstream, proxy, settings);
  }

  get origin(): string {
    return this.proxy.origin;
  }

  /** A turn of a session in a project; returns the account that served it. */
  async turn(session = 'one', project = 'lighthouse', fields: object = {}): Promise<string | null> {
    const metadata = JSON.stringify({ workspaces: { [`/made-up/${project}`]: {} } });
    const response = await fetch(`${this.origin}/v1/responses`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'session-id': session,
        'x-codex-turn-metadata': metadata,
        originator: 'codex_cli_rs',
      },
      body: JSON.stringify(aTurn(fields)),
    });
    await response.text();
    if (response.status !== 200) throw new Error(`the turn got ${response.status}`);
    return response.headers.get('x-codex-pool-account');
  }

  /** Sends a request to the admin API. */
  async admin(method: string, path: string, body?: object): Promise<unknown> {
    const headers = { 'content-type': 'application/json' };
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(this.origin + path, { method, headers, ...sent });
    return await response.json();
  }

  /** The account as the API shows it. */
  async account(name: string): Promise<AccountView> {
    return accountSchema.parse(await this.admin('GET', `/admin/accounts/${encodeURIComponent(name)}`));
  }

  async stop(): Promise<void> {
    await this.proxy.child.stop();
  }

  /** Starts the program again, at the same address. `settings` replace those of the start before. */
  async startAgain(settings = this.settings): Promise<void> {
    const PROXY_LISTEN_ADDR = new URL(this.origin).host;
    this.proxy = await startProxy(this.folder, { ...this.fakeUpstream.env, ...settings, PROXY_LISTEN_ADDR });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy.child.stop();
    await this.fakeUpstream.close();
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
