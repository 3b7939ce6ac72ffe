import { setTimeout as pause } from 'node:timers/promises';
import { join } from 'node:path';
import { spark } from '../../src/fake-upstream/script/meter.js';
import { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { SeededRandom } from '../support/seeded-random.js';
import { Folders, type RunningProgram } from '../support/program/usage-program.js';
import { CodexRetries } from './codex-retries.js';
import type { StormTimes } from './fault-effect.js';
import { Findings } from './findings.js';
import { BlameWatch } from './blame-watch.js';
import { ImageRequests } from './image-requests.js';
import { Judge, MAX_ATTEMPTS } from './judge.js';
import { findLostLogins } from './lost-logins.js';
import { Operator } from './operator.js';
import { ProgramRuns } from './program-runs.js';
import { Sessions } from './sessions.js';
import { StormClient } from './storm-client.js';
import { StormSockets } from './storm-sockets.js';
import { describeRequest, list, StormReport } from './storm-report.js';
import { type ClientRequest, type ClientResponse, late } from './storm-turn.js';
import { UpstreamModel } from './upstream-model.js';

const accounts = ['a', 'b', 'c', 'd', 'e', 'f'];
/** Turns under way at the same time. */
const CONCURRENCY = 24;
const POLL_MS = 10;
const WRITTEN_POLL_MS = 50;

export interface StormOptions {
  readonly title: string;
  readonly seed: number;
  readonly turns: number;
  readonly times: StormTimes;
}

/** Runs the program in its own process, between a client like Codex and an upstream that fails 30 % of attempts. */
export class Storm implements AsyncDisposable {
  readonly accounts = accounts;
  readonly report: StormReport;
  readonly upstream: UpstreamModel;
  readonly judge: Judge;
  readonly operator: Operator;
  readonly sessions: Sessions;
  readonly images: ImageRequests;
  readonly sockets: StormSockets;
  readonly #blame: BlameWatch;
  readonly #client: StormClient;
  readonly #served: { readonly request: ClientRequest; readonly response: ClientResponse }[] = [];
  readonly #findings: Findings;
  /** Turns started so far. */
  startedTurns = 0;
  #operating: Promise<void> = Promise.resolve();
  readonly #runs = new ProgramRuns();
  /** Accounts that lost their tokens in a kill. */
  lostLogins: readonly string[] = [];

  private constructor(
    private readonly options: StormOptions,
    readonly fakeUpstream: FakeUpstream,
    private readonly folders: Folders,
    private program: RunningProgram,
  ) {
    const origin = (): string => this.program.origin;
    this.report = new StormReport(options.title);
    this.sessions = new Sessions(new SeededRandom(options.seed));
    this.upstream = new UpstreamModel(fakeUpstream, options.seed, options.times, (request, attempt) => {
      this.#findings.add(request, this.judge.checkAttempt(request, attempt));
    });
    this.judge = new Judge(this.upstream, accounts);
    this.#findings = new Findings(this.report, this.upstream.outages, origin);
    this.operator = new Operator(this.upstream, fakeUpstream, join(folders.path, 'pool'), origin);
    this.#client = new StormClient(origin);
    this.sockets = new StormSockets(origin, options.seed);
    this.images = new ImageRequests(fakeUpstream, options.seed, this.#client, this.report);
    this.#blame = new BlameWatch(this.upstream, this.report, origin);
  }

  static async start(options: StormOptions): Promise<Storm> {
    const fakeUpstream = await FakeUpstream.start({ accounts });
    for (const name of accounts) fakeUpstream.account(name).meters(spark(10));
    const folders = await Folders.create(fakeUpstream, accounts, {
      PROXY_MAX_ATTEMPTS: String(MAX_ATTEMPTS),
      // Only the operator polls, so the model knows when a poll may end an outage.
      PROXY_USAGE_REFRESH_SECONDS: '86400',
    });
    process.stdout.write(`${options.title}\n`); // the seed is printed even if the storm does not finish
    const program = await folders.start();
    const isPolled = (name: string): boolean =>
      fakeUpstream.log.some((it) => it.account === name && it.path.endsWith('/wham/accounts/check'));
    await fakeUpstream.until(() => accounts.every(isPolled), 'the polls at startup', 20_000);
    return new Storm(options, fakeUpstream, folders, program);
  }

  /** Runs all turns, many at a time. */
  async run(): Promise<void> {
    this.#operating = this.#operate();
    const turns = Array.from({ length: CONCURRENCY }, async () => await this.#runTurns());
    // If the operator fails, the storm ends.
    await Promise.race([Promise.all(turns), this.#operating.then(() => Promise.all(turns))]);
    await this.#stopOperator();
  }

  /** Resolves as soon as the condition holds; rejects if the storm ends first. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.startedTurns >= this.options.turns || this.report.hasTooManyBreaches)
        throw new Error('the storm ended before the condition held');
      await pause(POLL_MS);
    }
  }

  /**
   * Kills the program with SIGKILL when `untilMoment` resolves, and restarts it on the same folders. The operator is
   * stopped meanwhile. All facts that the program learned before this call are on disk at the kill.
   */
  async killAndRestart(untilMoment: () => Promise<void>): Promise<void> {
    await this.#stopOperator();
    const writtenUntil = Date.now();
    await this.#written(writtenUntil);
    await untilMoment();
    this.#runs.ended();
    const killedAt = Date.now();
    await this.program.kill9();
    const isOnDisk = (at: number): boolean => at < writtenUntil;
    this.sessions.forgetMoves((movedAt) => !isOnDisk(movedAt));
    this.program = await this.folders.start();
    const pool = join(this.folders.path, 'pool');
    this.lostLogins = await findLostLogins(this.fakeUpstream, accounts, pool, writtenUntil);
    this.upstream.restarted(killedAt, Date.now(), isOnDisk);
    for (const it of this.lostLogins) this.upstream.tokensLost(it, killedAt);
    this.#operating = this.#operate();
    this.#runs.started();
  }

  /** Resolves when a turn since `at` is in the database. Rows are written in order, so older facts are there as well. */
  async #written(at: number): Promise<void> {
    while (!(await this.folders.records()).some((it) => it.at > at)) {
      if (this.startedTurns >= this.options.turns)
        throw new Error('the storm ended before its turns were written');
      await pause(WRITTEN_POLL_MS);
    }
  }

  /** Checks every turn again, now that no more attempts can arrive. */
  async finish(): Promise<void> {
    for (const { request, response } of this.#served) {
      const again = this.judge.ranAgain(request, response);
      if (again !== null && !request.attempts.every((it) => it.knownAt <= response.at)) {
        this.#findings.add(request, [again]);
        this.#findings.requestEnded(request, response);
      }
    }
    await this.#findings.reported();
  }

  /** How often an account's state was compared with upstream's. */
  get blameChecks(): number {
    return this.#blame.checks;
  }

  toString(): string {
    const { upstream, operator, judge } = this;
    return this.report.format({
      'attempts by reply': `${list(upstream.faults)}; total ${upstream.attempts}`,
      'outages by kind': list(upstream.outages.counts),
      'remedies of the operator': list(operator.done),
      'logins lost in a kill': this.lostLogins.join(', '),
      'on WebSockets': this.sockets.counts.toString(),
      'image requests': this.images.counts.toString(),
      'checks for blame': this.blameChecks,
      'affinity checks': `${judge.affinityChecks}; sessions moved ${this.sessions.moves} times`,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.sockets[Symbol.asyncDispose]();
    this.#client[Symbol.dispose]();
    await this.folders[Symbol.asyncDispose]();
    await this.fakeUpstream.close();
  }

  async #operate(): Promise<void> {
    await Promise.all([this.operator.work(), this.#blame.work()]);
  }

  async #stopOperator(): Promise<void> {
    this.operator.stop();
    this.#blame.stop();
    await this.#operating;
  }

  async #runTurns(): Promise<void> {
    while (this.startedTurns < this.options.turns && !this.report.hasTooManyBreaches) {
      this.startedTurns += 1;
      await this.#runTurn(this.startedTurns);
    }
  }

  async #runTurn(turn: number): Promise<void> {
    const session = this.sessions.take();
    const retries = new CodexRetries();
    if (session.lastAccount !== null && this.images.isDue(turn)) await this.images.send(session.name);
    for (let number = 1; ; number += 1) {
      const run = await this.#runs.untilRunning();
      const { name, history, ...known } = session;
      const sentAt = Date.now();
      const request: ClientRequest = {
        ...known,
        turn,
        number,
        session: name,
        history,
        isContinuing: false,
        sentAt,
        attempts: [],
      };
      this.upstream.expect(request);
      const response = await (request.isSocket ? this.sockets : this.#client).send(request);
      if (!this.#runs.isCurrent(run)) {
        this.sessions.setUncertain(session); // the kill broke the request: not a breach
        continue;
      }
      this.upstream.responseArrived(request, response);
      this.report.countResponse(request, response);
      this.#findings.add(request, this.judge.checkResponse(request, response));
      this.#findings.requestEnded(request, response);
      if (response.output.length > 0) this.#served.push({ request, response });
      // The response is committed even if the connection broke before any output arrived.
      if (response.status === 200 && response.errors.length === 0) {
        this.sessions.served(session, response.account, response.at);
      }
      // The session avoids the account that failed late, even once it is available again.
      const reply = request.attempts.at(-1)?.reply;
      if (reply !== undefined && late.has(reply)) this.sessions.setUncertain(session);
      session.history = [...history.slice(-2), describeRequest(request, response)];
      const next = retries.next(response);
      if (next.kind === 'retry') {
        if (response.retryAfterMs !== null) this.report.waitedMs += next.afterMs;
        await pause(next.afterMs);
        continue;
      }
      if (next.kind !== 'served') {
        this.#findings.add(request, this.judge.checkFailedTurn(request, response));
        this.#findings.requestEnded(request, response);
      }
      this.report.turns.add(next.kind);
      break;
    }
    this.sessions.giveBack(session);
  }
}
