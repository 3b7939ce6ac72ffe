import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { limits } from '../../src/config/limits.js';
import { SECOND } from '../../src/config/units.js';
import { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { Folders, type RunningProgram } from '../support/program/usage-program.js';
import { SeededRandom } from '../support/seeded-random.js';
import { untilAtRest } from './at-rest.js';
import { stallDatabase } from './load/database-stalls.js';
import { sendHttpTurns } from './load/http-turns.js';
import { sendAndLeave } from './load/leaving-clients.js';
import { logIn, newcomers } from './load/logins.js';
import { keepPagesOpen } from './load/open-pages.js';
import { callAsOperator } from './load/operator-calls.js';
import { changePool, guests } from './load/pool-changes.js';
import { SessionNames } from './load/session-names.js';
import { sendSocketTurns } from './load/socket-turns.js';
import { Tally } from './load/tally.js';
import { TurnPlans } from './load/turn-plans.js';
import { figuresOf, probeEnv, type ProgramFigures } from './program-figures.js';

/** The accounts that are always in the pool. The operator pauses the last one now and then. */
const residents = ['a', 'b', 'c', 'd', 'e', 'f'];
const accounts = [...residents, ...Object.values(newcomers)];
/** The program refreshes a token a minute before its end, so each account is refreshed every ten seconds. */
const TOKEN_SECONDS = 70;

/** Below the program's working directory. */
const SNAPSHOT = 'soak.heapsnapshot';

/** The program in a process of its own, under everything at once that clients, upstream and operator do. */
export class Soak implements AsyncDisposable {
  readonly tally = new Tally();
  readonly #random: SeededRandom;
  readonly #plans: TurnPlans;
  readonly #sessions: SessionNames;

  private constructor(
    seed: number,
    readonly fakeUpstream: FakeUpstream,
    private readonly folders: Folders,
    readonly program: RunningProgram,
  ) {
    this.#random = new SeededRandom(seed);
    this.#plans = new TurnPlans(this.#random, fakeUpstream);
    this.#sessions = new SessionNames(this.#random);
  }

  static async start(seed: number): Promise<Soak> {
    const fakeUpstream = await FakeUpstream.start({
      accounts: [...accounts, ...guests].map((name) => ({ name, accessTokenLifetimeSeconds: TOKEN_SECONDS })),
    });
    fakeUpstream.tokens.lifetimeSeconds = TOKEN_SECONDS;
    const folders = await Folders.create(fakeUpstream, accounts, {
      ...probeEnv(SNAPSHOT),
      PROXY_USAGE_REFRESH_SECONDS: '20',
    });
    return new Soak(seed, fakeUpstream, folders, await folders.start());
  }

  /** Runs the whole load for a time. */
  async run(seconds: number): Promise<void> {
    const endsAt = performance.now() + seconds * 1_000;
    const isOver = (): boolean => performance.now() > endsAt || this.tally.hasTooManyFailures;
    const { fakeUpstream, tally } = this;
    const { origin } = this.program;
    const pool = join(this.folders.path, 'pool');
    const [random, plans] = [this.#random, this.#plans];
    await Promise.all([
      sendHttpTurns(origin, plans, this.#sessions, random, tally, isOver),
      sendSocketTurns(origin, plans, random, tally, isOver),
      sendAndLeave(origin, plans, random, tally, isOver),
      changePool(origin, pool, fakeUpstream, residents, random, tally, isOver),
      logIn(origin, fakeUpstream, random, tally, isOver),
      callAsOperator(origin, residents.at(-1) ?? '', random, tally, isOver),
      keepPagesOpen(origin, random, tally, isOver),
      stallDatabase(this.folders.database, random, tally, isOver),
    ]);
  }

  /** Waits until the program is at rest and has forgotten the events of its pages, and measures it. */
  async measure(): Promise<ProgramFigures> {
    const forgotten = pause(limits.eventsKeptMs + SECOND);
    await Promise.all([forgotten, untilAtRest(this.program, this.fakeUpstream, accounts)]);
    return await figuresOf(this.program, join(this.folders.path, SNAPSHOT));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folders[Symbol.asyncDispose]();
    await this.fakeUpstream.close();
  }
}
