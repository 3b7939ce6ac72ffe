import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import type { AccountScript } from '../../src/fake-upstream/script/account-script.js';
import { streams } from '../../src/fake-upstream/script/responses.js';
import type { CustomHandler } from '../../src/fake-upstream/script/scripted-response.js';
import { call, turnWith, type RawRequest, type RawResponse } from '../support/clients/raw-http.js';
import { aTurn } from '../support/pool/pool.js';
import { TOKEN_CANARY } from './canary.js';
import { FuzzClient } from './fuzz-client.js';
import { FuzzedProgram } from './fuzzed-program.js';
import { UpstreamPlans } from './upstream-plans.js';
import { WireTap } from './wire-tap.js';

const CALL_LIMIT_MS = 10_000;

/** The program under test between the fuzz's clients and its upstream. The pool gets fresh accounts for each batch. */
export class Setting implements AsyncDisposable {
  #accounts: readonly AccountScript[] = [];
  #generation = 0;

  private constructor(
    readonly fakeUpstream: FakeUpstream,
    readonly tap: WireTap,
    readonly program: FuzzedProgram,
    readonly plans: UpstreamPlans,
  ) {}

  static async start(): Promise<Setting> {
    const fakeUpstream = await FakeUpstream.start();
    const tap = await WireTap.start(fakeUpstream.origin);
    const program = await FuzzedProgram.start({
      UPSTREAM_RESPONSES_BASE: `${tap.origin}/backend-api/codex`,
      UPSTREAM_WHAM_BASE: `${tap.origin}/backend-api`,
      UPSTREAM_REFRESH_BASE: tap.origin,
      PROXY_USAGE_REFRESH_SECONDS: '86400',
    });
    const setting = new Setting(fakeUpstream, tap, program, new UpstreamPlans(fakeUpstream));
    for (const method of ['TRACE', 'PROPFIND', 'PURGE']) {
      for (const path of echoed) fakeUpstream.on(method, path, echo);
    }
    await setting.freshAccounts();
    return setting;
  }

  get origin(): string {
    return this.program.origin;
  }

  get accounts(): readonly AccountScript[] {
    return this.#accounts;
  }

  /** The words that no client may see. */
  get secrets(): readonly string[] {
    const tokens = this.#accounts.flatMap((it) => it.secrets()).filter((it) => !it.includes('@'));
    return [TOKEN_CANARY, ...tokens.map((it) => (it.startsWith('rt_') ? it : (it.split('.')[1] ?? it)))];
  }

  client(): FuzzClient {
    return new FuzzClient(this.origin, this.secrets);
  }

  /** Puts two new accounts into the pool and takes everything else out. */
  async freshAccounts(): Promise<void> {
    for (const it of await readdir(this.program.pool)) {
      if (it.endsWith('.json')) await rm(join(this.program.pool, it), { force: true, recursive: true });
    }
    this.#generation += 1;
    this.#accounts = ['a', 'b'].map((it) =>
      this.fakeUpstream.addAccount({ name: `fuzz-${this.#generation}-${it}` }),
    );
    for (const it of this.#accounts) {
      it.always(streams({ pauseBetweenMs: 2 })); // a turn is under way while more requests arrive
      await writeFile(this.fileOf(it.name), JSON.stringify(it.authJson()), { mode: 0o600 });
    }
    const { status, body } = await this.call({ method: 'POST', path: '/admin/reload' });
    if (status !== 200) throw new Error(`the reload returned ${status}: ${body.toString()}`);
  }

  /** Files outside the pool folder that no request may create. */
  async strayFiles(): Promise<string[]> {
    const known = new Set(['pool', 'data', 'run']);
    const found = await readdir(this.program.folder);
    return found.filter((it) => !known.has(it)).map((it) => `a file outside the pool folder: ${it}`);
  }

  fileOf(name: string): string {
    return join(this.program.pool, `${name}.json`);
  }

  /** Sends a well-formed request. Resolves with the whole response; rejects if it does not come in time. */
  async call(asked: RawRequest): Promise<RawResponse> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => late.reject(new Error(`no answer to ${asked.method} ${asked.path} after ${CALL_LIMIT_MS} ms`)),
      CALL_LIMIT_MS,
    );
    try {
      return await Promise.race([call(this.origin, asked), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Why a good turn is not served; null if it is. */
  async goodTurn(): Promise<string | null> {
    const response = await this.call(turnWith(JSON.stringify(aTurn())));
    const text = response.body.toString('utf8');
    if (response.status === 200 && text.includes('response.completed') && !response.isBroken) return null;
    return `a good turn is not served: ${response.status} ${text.slice(0, 500)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.program[Symbol.asyncDispose]();
    await this.tap[Symbol.asyncDispose]();
    await this.fakeUpstream.close();
  }
}

const echoed = ['/backend-api/codex/models', '/backend-api/wham/settings/user', '/backend-api/ps/x'];

/** TRACE as RFC 9110 9.3.8 describes it: the request comes back, its credentials with it. */
const echo: CustomHandler = (req, res) => {
  res.writeHead(200, { 'content-type': 'message/http' });
  res.end(`${req.method} ${req.url}\r\n${req.rawHeaders.join('\r\n')}`);
};
