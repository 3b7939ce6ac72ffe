import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuthJson } from '../../src/fake-upstream/script/made-up-credentials.js';
import { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { call } from '../support/clients/raw-http.js';
import { eventually } from '../support/eventually.js';
import { keptTokens } from './kept-tokens.js';
import { Life, type LifeKind, type LifeOptions } from './life.js';
import { lossOf, prospectAfter, type Prospect, untouched } from './prospects.js';
import type { Finding, Report } from './report.js';
import { TokenWire, type WireFault } from '../support/network/token-wire.js';
import type { SeededRandom } from '../support/seeded-random.js';
import type { TurnLoad } from './turn-load.js';

/**
 * Every turn renews a token that ends within a minute, and the token before it is good for that long still. So each
 * turn is a refresh, no account is ever in need of one, and a process that uses a spent token again does it at once.
 */
const TOKEN_LIFETIME_SECONDS = 55;
const FILES_LIMIT_MS = 10_000;
const SERVED_LIMIT_MS = 20_000;

/** Folders and accounts on which the program lives and dies, again and again, before a fake upstream that forgives nothing. */
export class Lane implements AsyncDisposable {
  readonly #prospects = new Map<string, Prospect>();
  /** How often the token endpoint had been asked for an account when the last life was over. */
  readonly #asked = new Map<string, number>();

  private constructor(
    readonly fakeUpstream: FakeUpstream,
    private readonly wire: TokenWire,
    readonly accounts: readonly string[],
    private readonly folder: string,
    private readonly entry: string,
    private readonly report: Report,
  ) {}

  static async create(
    accounts: readonly string[],
    entry: string,
    report: Report,
    random: SeededRandom,
  ): Promise<Lane> {
    const accessTokenLifetimeSeconds = TOKEN_LIFETIME_SECONDS;
    const fakeUpstream = await FakeUpstream.start({
      accounts: accounts.map((name) => ({ name, accessTokenLifetimeSeconds })),
    });
    fakeUpstream.tokens.lifetimeSeconds = TOKEN_LIFETIME_SECONDS;
    fakeUpstream.tokens.slowness = () => random.between(0, 20);
    const wire = await TokenWire.start(String(fakeUpstream.env['UPSTREAM_REFRESH_BASE']));
    const folder = await mkdtemp(join(tmpdir(), 'codex-pool-crash-'));
    await mkdir(join(folder, 'pool'));
    const lane = new Lane(fakeUpstream, wire, accounts, folder, entry, report);
    for (const name of accounts) await lane.#putFile(name, fakeUpstream.account(name).authJson());
    return lane;
  }

  get journalFolder(): string {
    return join(this.folder, 'pool', '.journal');
  }

  /** `stallMs`: after so long a token request without an answer is given up; only by a traced life. */
  begin(kind: LifeKind, diesAt?: LifeOptions['diesAt'], stallMs?: number): Life {
    const env = {
      PATH: process.env['PATH'] ?? '',
      HOME: this.folder,
      NODE_COMPILE_CACHE: join(this.folder, 'compiled'), // a start in five sixths of the time
      PROXY_LISTEN_ADDR: '127.0.0.1:0',
      PROXY_POLICY: 'round-robin', // each account gets its turns
      ...this.fakeUpstream.env,
      UPSTREAM_REFRESH_BASE: this.wire.origin,
      ...(stallMs === undefined ? {} : { VICTIM_STALL_MS: String(stallMs) }),
    };
    const options = { kind, entry: this.entry, folder: this.folder, env };
    return new Life(diesAt === undefined ? options : { ...options, diesAt });
  }

  /** Takes down where a life has ended; fails when tokens are gone that were safe. */
  async examine(life: Life, isInStart: boolean): Promise<readonly Finding[]> {
    // What the endpoint was asked for, it does, also when nobody is left to hear the answer.
    await this.fakeUpstream.untilIdle();
    const lastSteps = life.lastSteps();
    const findings: Finding[] = [];
    for (const account of this.accounts) {
      const kept = await keptTokens(this.fakeUpstream, account, this.folder);
      const before = this.#prospect(account);
      const last = lastSteps.get(account) ?? null;
      findings.push({ kept, last, before });
      const loss = lossOf(kept, before, last);
      if (loss !== null) throw new Error(`${account} has lost tokens: ${loss}\n${life.child.outputTail}`);
      this.#prospects.set(account, prospectAfter(kept, before, last, life.kind === 'traced'));
      this.#asked.set(account, this.fakeUpstream.tokens.requestsFor(account).length);
    }
    this.report.killed(life.kind, isInStart, findings);
    return findings;
  }

  /** The new life holds what it must hold, serves with every account, and uses no token that may be spent. */
  async prove(life: Life, origin: string, load: TurnLoad): Promise<void> {
    try {
      await eventually(async () => this.#staleFile(), FILES_LIMIT_MS);
      await this.#everyAccountServes(load, this.accounts);
      const silent = this.accounts.filter((it) => !this.#hasAsked(it));
      for (const account of this.accounts) this.#checkAsked(account);
      for (const account of silent) await this.#logInAnew(account, origin);
      await this.#everyAccountServes(load, silent);
      await eventually(async () => silent.find((it) => !this.#hasAsked(it)) ?? null, SERVED_LIMIT_MS);
      for (const account of this.accounts) this.#prospects.set(account, untouched);
      this.checkFaults(load);
    } catch (error) {
      throw new Error(`${String(error)}\n${life.child.outputTail}`, { cause: error });
    }
  }

  /** One token request goes wrong; then its account serves on, asks nothing more, and is well again after a login. */
  async breakOnce(fault: WireFault, life: Life, origin: string, load: TurnLoad): Promise<void> {
    try {
      await this.wire.breaks(fault);
      const doubted = await this.#doubted(origin);
      this.report.networkFailed(fault);
      this.#asked.set(doubted, this.fakeUpstream.tokens.requestsFor(doubted).length);
      for (const _round of [1, 2]) await this.#everyAccountServes(load, this.accounts);
      if (this.#hasAsked(doubted)) throw new Error(`${doubted} was asked for again after it ${fault}`);
      await this.#logInAnew(doubted, origin);
      await eventually(async () => (this.#hasAsked(doubted) ? null : doubted), SERVED_LIMIT_MS);
      this.checkFaults(load);
    } catch (error) {
      throw new Error(`after a connection that ${fault}: ${String(error)}\n${life.child.outputTail}`, {
        cause: error,
      });
    }
  }

  checkFaults(load: TurnLoad): void {
    if (this.fakeUpstream.tokens.reuses > 0) throw new Error('a spent refresh token was used again');
    if (load.failures.length > 0) throw new Error(load.failures.join('\n'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.report.laneEnded(this.fakeUpstream);
    await this.wire[Symbol.asyncDispose]();
    await this.fakeUpstream.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  #prospect(account: string): Prospect {
    return this.#prospects.get(account) ?? untouched;
  }

  #hasAsked(account: string): boolean {
    return this.fakeUpstream.tokens.requestsFor(account).length > (this.#asked.get(account) ?? 0);
  }

  /** The one account whose refresh is in doubt. */
  async #doubted(origin: string): Promise<string> {
    let found: string[] = [];
    await eventually(async () => {
      const { body } = await call(origin, { path: '/admin/accounts' });
      const views: { name: string; refresh: string; available: boolean }[] = JSON.parse(body.toString());
      found = views.filter((it) => it.refresh === 'in-doubt' && it.available).map((it) => it.name);
      return found.length === 1
        ? null
        : `one account in doubt, but: ${JSON.stringify(views.map((it) => it.refresh))}`;
    }, SERVED_LIMIT_MS);
    return found[0] ?? '';
  }

  async #staleFile(): Promise<string | null> {
    for (const account of this.accounts) {
      const { inFile } = await keptTokens(this.fakeUpstream, account, this.folder);
      const { atLeast } = this.#prospect(account);
      if (inFile < atLeast) return `generation ${atLeast} in the file of ${account}, which holds ${inFile}`;
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

  #checkAsked(account: string): void {
    const { asks } = this.#prospect(account);
    if (asks === 'must' && !this.#hasAsked(account)) throw new Error(`${account} is not refreshed any more`);
    if (asks === 'must-not' && this.#hasAsked(account))
      throw new Error(
        `${account} was refreshed with a token that may be spent, while its access token is good`,
      );
  }

  /** As a user does whose account has lost its tokens: the file of a new login, and a word to the program. */
  async #logInAnew(account: string, origin: string): Promise<void> {
    this.report.loggedInAnew();
    await this.#putFile(account, this.fakeUpstream.account(account).loginAgain());
    this.#asked.set(account, this.fakeUpstream.tokens.requestsFor(account).length);
    const { status } = await call(origin, { method: 'POST', path: '/admin/reload' });
    if (status !== 200) throw new Error(`the reload was answered ${status}`);
  }

  async #putFile(account: string, json: AuthJson): Promise<void> {
    const draft = join(this.folder, 'pool', '.new-login');
    await writeFile(draft, JSON.stringify(json, null, 2), { mode: 0o600 });
    await rename(draft, join(this.folder, 'pool', `${account}.json`));
  }
}
