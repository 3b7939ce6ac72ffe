import { link, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuthJson } from '../../src/fake-upstream/script/made-up-credentials.js';
import { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { call } from '../support/clients/raw-http.js';
import { eventually } from '../support/eventually.js';
import { TokenWire, type WireFault } from '../support/network/token-wire.js';
import type { SeededRandom } from '../support/seeded-random.js';
import type { CrashReport, Finding } from './crash-report.js';
import { type Expectation, expectationAfter, fresh, lossOf } from './expectation.js';
import { ProgramRun, type RunKind, type RunOptions } from './program-run.js';
import { tokenGenerations } from './token-generations.js';
import type { TurnLoad } from './turn-load.js';

/**
 * Tokens live for less than a minute, so each turn triggers a refresh. The current token stays valid meanwhile, so no
 * turn depends on the refresh. A process that reuses a spent token does so at once.
 */
const TOKEN_LIFETIME_SECONDS = 55;
const FILES_LIMIT_MS = 10_000;
const SERVED_LIMIT_MS = 20_000;

/** Runs the program repeatedly on the same folders and accounts, against a fake upstream that detects token reuse. */
export class CrashHarness implements AsyncDisposable {
  readonly #expectations = new Map<string, Expectation>();
  /** The number of token requests of each account at the end of the last run. */
  readonly #requestsBefore = new Map<string, number>();

  private constructor(
    readonly fakeUpstream: FakeUpstream,
    private readonly wire: TokenWire,
    readonly accounts: readonly string[],
    private readonly folder: string,
    private readonly entry: string,
    private readonly report: CrashReport,
  ) {}

  static async create(
    accounts: readonly string[],
    entry: string,
    report: CrashReport,
    random: SeededRandom,
  ): Promise<CrashHarness> {
    const accessTokenLifetimeSeconds = TOKEN_LIFETIME_SECONDS;
    const fakeUpstream = await FakeUpstream.start({
      accounts: accounts.map((name) => ({ name, accessTokenLifetimeSeconds })),
    });
    fakeUpstream.tokens.lifetimeSeconds = TOKEN_LIFETIME_SECONDS;
    fakeUpstream.tokens.slowness = () => random.between(0, 20);
    const wire = await TokenWire.start(String(fakeUpstream.env['UPSTREAM_REFRESH_BASE']));
    const folder = await mkdtemp(join(tmpdir(), 'codex-pool-crash-'));
    await mkdir(join(folder, 'pool'));
    const harness = new CrashHarness(fakeUpstream, wire, accounts, folder, entry, report);
    for (const name of accounts) await harness.#putFile(name, fakeUpstream.account(name).authJson());
    // Written in place, until a new login replaces it.
    const [linked] = accounts;
    if (linked !== undefined) await link(harness.fileOf(linked), join(folder, 'linked-auth.json'));
    return harness;
  }

  get journalFolder(): string {
    return join(this.folder, 'pool', '.journal');
  }

  /** The credential file of an account. */
  fileOf(account: string): string {
    return join(this.folder, 'pool', `${account}.json`);
  }

  /** Starts the program. `stallMs` is the time limit of a token request without a response; only in a traced run. */
  start(kind: RunKind, diesAt?: RunOptions['diesAt'], stallMs?: number): ProgramRun {
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: this.folder,
      NODE_COMPILE_CACHE: join(this.folder, 'compiled'), // saves a sixth of the startup time
      PROXY_LISTEN_ADDR: '127.0.0.1:0',
      PROXY_POLICY: 'round-robin', // all accounts serve turns
      ...this.fakeUpstream.env,
      UPSTREAM_REFRESH_BASE: this.wire.origin,
      ...(stallMs === undefined ? {} : { VICTIM_STALL_MS: String(stallMs) }),
    };
    const options = { kind, entry: this.entry, folder: this.folder, env };
    return new ProgramRun(diesAt === undefined ? options : { ...options, diesAt });
  }

  /** Records the state after a kill; rejects if tokens are gone that were safe on disk. */
  async examine(run: ProgramRun, isInStart: boolean): Promise<readonly Finding[]> {
    // The endpoint completes its requests even if the client is gone.
    await this.fakeUpstream.untilIdle();
    const lastSteps = run.lastSteps();
    const findings: Finding[] = [];
    for (const account of this.accounts) {
      const kept = await tokenGenerations(this.fakeUpstream, account, this.folder);
      const before = this.#expectation(account);
      const last = lastSteps.get(account) ?? null;
      findings.push({ kept, last, before });
      const loss = lossOf(kept, before, last);
      if (loss !== null) throw new Error(`${account} lost tokens: ${loss}\n${run.child.outputTail}`);
      this.#expectations.set(account, expectationAfter(kept, before, last, run.kind === 'traced'));
      this.#requestsBefore.set(account, this.fakeUpstream.tokens.requestsFor(account).length);
    }
    this.report.killed(run.kind, isInStart, findings);
    return findings;
  }

  /** Checks that a run has all saved tokens, serves with every account, and uses no token that may be spent. */
  async verify(run: ProgramRun, origin: string, load: TurnLoad): Promise<void> {
    try {
      await eventually(async () => this.#staleFile(), FILES_LIMIT_MS);
      await this.#everyAccountServes(load, this.accounts);
      const notRefreshed = this.accounts.filter((it) => !this.#hasRequested(it));
      for (const account of this.accounts) this.#checkRefresh(account);
      for (const account of notRefreshed) await this.#logInAgain(account, origin);
      await this.#everyAccountServes(load, notRefreshed);
      await eventually(
        async () => notRefreshed.find((it) => !this.#hasRequested(it)) ?? null,
        SERVED_LIMIT_MS,
      );
      for (const account of this.accounts) this.#expectations.set(account, fresh);
      this.checkFaults(load);
    } catch (error) {
      throw new Error(`${String(error)}\n${run.child.outputTail}`, { cause: error });
    }
  }

  /** Breaks one token request. Its account must keep serving without another refresh, and recover after a new login. */
  async breakOnce(fault: WireFault, run: ProgramRun, origin: string, load: TurnLoad): Promise<void> {
    try {
      await this.wire.breaks(fault);
      const inDoubt = await this.#accountInDoubt(origin);
      this.report.networkFailed(fault);
      this.#requestsBefore.set(inDoubt, this.fakeUpstream.tokens.requestsFor(inDoubt).length);
      for (const _round of [1, 2]) await this.#everyAccountServes(load, this.accounts);
      if (this.#hasRequested(inDoubt))
        throw new Error(`${inDoubt} was refreshed again after its connection ${fault}`);
      await this.#logInAgain(inDoubt, origin);
      await eventually(async () => (this.#hasRequested(inDoubt) ? null : inDoubt), SERVED_LIMIT_MS);
      this.checkFaults(load);
    } catch (error) {
      throw new Error(`after a connection that ${fault}: ${String(error)}\n${run.child.outputTail}`, {
        cause: error,
      });
    }
  }

  checkFaults(load: TurnLoad): void {
    if (this.fakeUpstream.tokens.reuses > 0) throw new Error('a spent refresh token was used again');
    if (load.failures.length > 0) throw new Error(load.failures.join('\n'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.report.harnessClosed(this.fakeUpstream);
    await this.wire[Symbol.asyncDispose]();
    await this.fakeUpstream.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  #expectation(account: string): Expectation {
    return this.#expectations.get(account) ?? fresh;
  }

  #hasRequested(account: string): boolean {
    return this.fakeUpstream.tokens.requestsFor(account).length > (this.#requestsBefore.get(account) ?? 0);
  }

  /** The only account whose refresh is in doubt. */
  async #accountInDoubt(origin: string): Promise<string> {
    let found: string[] = [];
    await eventually(async () => {
      const { body } = await call(origin, { path: '/admin/accounts' });
      const views: { name: string; refresh: string; available: boolean }[] = JSON.parse(body.toString());
      found = views.filter((it) => it.refresh === 'in-doubt' && it.available).map((it) => it.name);
      return found.length === 1
        ? null
        : `exactly one account in doubt; refresh states: ${JSON.stringify(views.map((it) => it.refresh))}`;
    }, SERVED_LIMIT_MS);
    return found[0] ?? '';
  }

  async #staleFile(): Promise<string | null> {
    for (const account of this.accounts) {
      const { inFile } = await tokenGenerations(this.fakeUpstream, account, this.folder);
      const { atLeast } = this.#expectation(account);
      if (inFile < atLeast)
        return `generation ${atLeast} in the file of ${account}, which holds generation ${inFile}`;
    }
    return null;
  }

  async #everyAccountServes(load: TurnLoad, accounts: readonly string[]): Promise<void> {
    const before = new Map(load.served);
    const isIdle = (it: string): boolean => (load.served.get(it) ?? 0) === (before.get(it) ?? 0);
    await eventually(async () => {
      this.checkFaults(load);
      const idle = accounts.filter(isIdle);
      return idle.length === 0 ? null : `turns served by ${idle.join(', ')}`;
    }, SERVED_LIMIT_MS);
  }

  #checkRefresh(account: string): void {
    const { refresh } = this.#expectation(account);
    if (refresh === 'must' && !this.#hasRequested(account)) throw new Error(`${account} was not refreshed`);
    if (refresh === 'must-not' && this.#hasRequested(account))
      throw new Error(
        `${account} was refreshed with a token that may be spent, although its access token is valid`,
      );
  }

  /** Replaces the credential file with that of a new login, as a user does after losing tokens, and reloads the pool. */
  async #logInAgain(account: string, origin: string): Promise<void> {
    this.report.loggedInAgain();
    await this.#putFile(account, this.fakeUpstream.account(account).loginAgain());
    this.#requestsBefore.set(account, this.fakeUpstream.tokens.requestsFor(account).length);
    const { status } = await call(origin, { method: 'POST', path: '/admin/reload' });
    if (status !== 200) throw new Error(`the reload returned ${status}`);
  }

  async #putFile(account: string, json: AuthJson): Promise<void> {
    const draft = join(this.folder, 'pool', '.new-login');
    await writeFile(draft, JSON.stringify(json, null, 2), { mode: 0o600 });
    await rename(draft, join(this.folder, 'pool', `${account}.json`));
  }
}
