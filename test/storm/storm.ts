import { setTimeout as pause } from 'node:timers/promises';
import { join } from 'node:path';
import { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { SeededRandom } from '../support/seeded-random.js';
import { Folders, type RunningProgram } from '../support/program/usage-program.js';
import type { Answered, Asked } from './storm-turn.js';
import { CodexPatience } from './codex-retries.js';
import type { StormTimes } from './fault-effect.js';
import { Findings } from './findings.js';
import { Lives } from './program-runs.js';
import { lostLogins } from './lost-logins.js';
import { Judge, MAX_ATTEMPTS } from './judge.js';
import { Operator } from './operator.js';
import { Oracle } from './upstream-model.js';
import { Sessions } from './sessions.js';
import { StormClient } from './storm-client.js';
import { lineOf, list, StormReport } from './storm-report.js';

const accounts = ['a', 'b', 'c', 'd', 'e', 'f'];
const AT_ONCE = 24;
const LOOK_MS = 10;

export interface StormOptions {
  readonly title: string;
  readonly seed: number;
  readonly turns: number;
  readonly times: StormTimes;
}

/** The program in a process of its own between a client like Codex and an upstream that fails three times in ten. */
export class Storm implements AsyncDisposable {
  readonly accounts = accounts;
  readonly report: StormReport;
  readonly oracle: Oracle;
  readonly judge: Judge;
  readonly operator: Operator;
  readonly sessions: Sessions;
  readonly #client: StormClient;
  readonly #served: { readonly asked: Asked; readonly answered: Answered }[] = [];
  readonly #findings: Findings;
  /** Turns so far. */
  begun = 0;
  #operating: Promise<void> = Promise.resolve();
  readonly #lives = new Lives();
  /** Accounts whose tokens a kill has cost. */
  lost: readonly string[] = [];

  private constructor(
    private readonly options: StormOptions,
    readonly fakeUpstream: FakeUpstream,
    private readonly folders: Folders,
    private program: RunningProgram,
  ) {
    const origin = (): string => this.program.origin;
    this.report = new StormReport(options.title);
    this.sessions = new Sessions(new SeededRandom(options.seed));
    this.oracle = new Oracle(fakeUpstream, options.seed, options.times, (asked, attempt) => {
      this.#findings.add(asked, this.judge.arrival(asked, attempt));
    });
    this.judge = new Judge(this.oracle, accounts);
    this.#findings = new Findings(this.report, this.oracle.spells, origin);
    this.operator = new Operator(this.oracle, fakeUpstream, join(folders.path, 'pool'), origin);
    this.#client = new StormClient(origin);
  }

  static async start(options: StormOptions): Promise<Storm> {
    const fakeUpstream = await FakeUpstream.start({ accounts });
    const folders = await Folders.create(fakeUpstream, accounts, {
      PROXY_MAX_ATTEMPTS: String(MAX_ATTEMPTS),
      // Only the operator polls: what a poll ends, ends when the oracle knows of it.
      PROXY_USAGE_REFRESH_SECONDS: '86400',
    });
    process.stdout.write(`${options.title}\n`); // known also when it does not come to its end
    const program = await folders.start();
    const isPolled = (name: string): boolean =>
      fakeUpstream.log.some((it) => it.account === name && it.path.endsWith('/wham/accounts/check'));
    await fakeUpstream.until(() => accounts.every(isPolled), 'the polls of the start', 20_000);
    return new Storm(options, fakeUpstream, folders, program);
  }

  /** All turns, many at a time. */
  async rage(): Promise<void> {
    this.#operating = this.operator.work();
    const turns = Array.from({ length: AT_ONCE }, async () => await this.#work());
    // An operator who cannot work any more ends the storm.
    await Promise.race([Promise.all(turns), this.#operating.then(() => Promise.all(turns))]);
    await this.#rest();
  }

  /** Resolves while the storm goes on, as soon as this holds. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.begun >= this.options.turns || this.report.isHopeless)
        throw new Error('the storm was over before that');
      await pause(LOOK_MS);
    }
  }

  /**
   * Ends the process without a word, and starts another on the same folders. `untilMoment` resolves when it is to be
   * killed; the operator rests by then.
   */
  async killAndStart(onDiskMs: number, untilMoment: () => Promise<void>): Promise<void> {
    await this.#rest();
    await untilMoment();
    this.#lives.ends();
    const killedAt = Date.now();
    await this.program.kill9();
    const isOnDisk = (at: number): boolean => at < killedAt - onDiskMs;
    this.sessions.forget((movedAt) => !isOnDisk(movedAt));
    this.program = await this.folders.start();
    const pool = join(this.folders.path, 'pool');
    this.lost = await lostLogins(this.fakeUpstream, accounts, pool, killedAt - onDiskMs);
    this.oracle.restarted(killedAt, Date.now(), isOnDisk);
    for (const it of this.lost) this.oracle.lostLogin(it, killedAt);
    this.#operating = this.operator.work();
    this.#lives.begins();
  }

  /** Looks at every turn once more, now that nothing can come any more. */
  async end(): Promise<void> {
    for (const { asked, answered } of this.#served) {
      const again = this.judge.ranAgain(asked, answered);
      if (again !== null && !asked.attempts.every((it) => it.knownAt <= answered.at)) {
        this.#findings.add(asked, [again]);
        this.#findings.ended(asked, answered);
      }
    }
    await this.#findings.told();
  }

  toString(): string {
    const { oracle, operator, judge } = this;
    return this.report.told({
      attempts: `${oracle.attempts}, of them ${list(oracle.faults)}`,
      'accounts out': list(oracle.spells.counts),
      'the operator': list(operator.done),
      'logins lost by a kill': this.lost.join(', '),
      'sessions whose account was available': `${judge.affinityChecks} requests, moved ${this.sessions.moves} times in all`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    await this.folders[Symbol.asyncDispose]();
    await this.fakeUpstream.close();
  }

  async #rest(): Promise<void> {
    this.operator.stop();
    await this.#operating;
  }

  async #work(): Promise<void> {
    while (this.begun < this.options.turns && !this.report.isHopeless) {
      this.begun += 1;
      await this.#turn(this.begun);
    }
  }

  async #turn(turn: number): Promise<void> {
    const session = this.sessions.take();
    const patience = new CodexPatience();
    for (let number = 1; ; number += 1) {
      const life = await this.#lives.untilAlive();
      const { name, past, ...known } = session;
      const sentAt = Date.now();
      const asked: Asked = { ...known, turn, request: number, session: name, past, sentAt, attempts: [] };
      this.oracle.expects(asked);
      const answered = await this.#client.send(asked);
      if (!this.#lives.isNow(life)) {
        this.sessions.uncertain(session); // killed under it, which is nobody's fault
        continue;
      }
      this.oracle.answered(asked, answered);
      this.report.answered(asked, answered);
      this.#findings.add(asked, this.judge.answer(asked, answered));
      this.#findings.ended(asked, answered);
      if (answered.output.length > 0) this.#served.push({ asked, answered });
      // Committed, also where the connection broke before anything of the output was here.
      if (answered.status === 200 && answered.errors.length === 0) {
        this.sessions.served(session, answered.account, answered.at);
      }
      session.past = [...past.slice(-2), lineOf(asked, answered)];
      const next = patience.next(answered);
      if (next.kind === 'again') {
        if (answered.retryAfterMs !== null) this.report.waitedMs += next.afterMs;
        await pause(next.afterMs);
        continue;
      }
      if (next.kind !== 'served') {
        this.#findings.add(asked, this.judge.failure(asked, answered));
        this.#findings.ended(asked, answered);
      }
      this.report.turns.add(next.kind);
      break;
    }
    this.sessions.giveBack(session);
  }
}
