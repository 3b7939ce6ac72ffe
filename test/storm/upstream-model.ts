import type { ScriptedResponse } from '../../src/fake-upstream/script/scripted-response.js';
import type { LoggedRequest } from '../../src/fake-upstream/script/request-log.js';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import {
  type Answered,
  type Asked,
  type Attempt,
  attemptOf,
  nameOf,
  output,
  unauthorized,
} from './storm-turn.js';
import { faultOf } from './fault-mix.js';
import { meaningOf, type Out, type StormTimes } from './fault-effect.js';
import { serves } from './attempt-faults.js';
import { Rows } from './failure-streaks.js';
import type { Remedy } from './outage.js';
import { Spells } from './outage-log.js';
import { StandingFaults } from './persistent-faults.js';

const named = /<<turn (\d+) request (\d+)>>/;

/** Longer than the usage limits that the mix brings. */
const LONG_MS = 3_000;
/** Upstream errors, or cuts, in a row that take an account out. */
const THIRD = 3;

/**
 * Upstream, which knows what every account was told and when it may serve again by the table of failover. It answers
 * every attempt, and asks the program nothing.
 */
export class Oracle {
  readonly spells = new Spells();
  readonly faults = new Map<string, number>();
  /** Accounts that the operator is to pause for a while. */
  readonly toBePaused: { readonly account: string; readonly dice: number }[] = [];
  attempts = 0;
  readonly #requests = new Map<string, Asked>();
  readonly #attemptsOfTurn = new Map<number, number>();
  readonly #standing = new StandingFaults();
  readonly #rows = new Rows();
  readonly #renewing = new Set<Attempt>();

  constructor(
    private readonly fakeUpstream: FakeUpstream,
    private readonly seed: number,
    private readonly times: StormTimes,
    /** Told of every attempt when it arrives, before it is answered. */
    private readonly onAttempt: (asked: Asked, attempt: Attempt) => void,
  ) {
    fakeUpstream.decides = (turn, scripted) => this.#decide(turn, scripted);
  }

  /** The client is about to send this. */
  expects(asked: Asked): void {
    this.#requests.set(nameOf(asked.turn, asked.request), asked);
  }

  /** The client has got the answer: the program knows of every attempt that led to it. */
  answered(asked: Asked, { at }: Answered): void {
    const last = asked.attempts.at(-1);
    if (last !== undefined) this.#known(last, at);
  }

  /** From now on upstream has nothing against the account any more that this remedy is for. */
  relents(account: string, remedy: Remedy): void {
    this.#standing.relents(account, remedy);
  }

  reset(account: string, from: number): void {
    this.#rows.reset(account, from);
  }

  /** The program was killed at `from`, and knows at `by` what it will ever know again. */
  restarted(from: number, by: number, isOnDisk: (at: number) => boolean): void {
    this.#renewing.clear();
    this.#rows.restarted(from, by, isOnDisk);
    this.spells.restarted(from, by, isOnDisk);
  }

  /** The newest tokens of the account were answered to a process that was killed at `from`: nobody has them. */
  lostLogin(account: string, from: number): void {
    const end = { remedy: 'new file', dueAt: from } as const;
    const word = { toldAt: from, knownAt: Date.now() };
    this.spells.add({ kind: 'login', account, model: null, end, isSure: false }, word);
  }

  /** From now on the account is at its usage limit for so long. */
  limit(account: string, ms: number): void {
    const fault = { kind: 'usage limit', dice: 0 } as const;
    const since = Date.now() + ms - this.times.limitMs[0];
    const until = Date.now() + ms - 1_000;
    this.#standing.add({ account, model: null, fault, since, remedy: null, until });
  }

  /** Whether the program has been told so, and must know. */
  isAtLimit(account: string): boolean {
    const now = Date.now();
    return this.spells.surelyOut(account, '', now, now + LONG_MS)?.kind === 'quota';
  }

  #decide(turn: LoggedRequest, scripted: ScriptedResponse): ScriptedResponse {
    const body = turn.body.toString();
    const asked = this.#requests.get(named.exec(body)?.[0] ?? '');
    if (asked === undefined || turn.account === null) throw new Error('an attempt that nobody has asked for');
    const nth = this.#attemptsOfTurn.get(asked.turn) ?? 0;
    this.#attemptsOfTurn.set(asked.turn, nth + 1);
    this.attempts += 1;
    const attempt = attemptOf(asked, turn.account, nth, body);
    const previous = asked.attempts.at(-1);
    if (previous !== undefined) this.#known(previous, attempt.toldAt);
    this.onAttempt(asked, attempt);
    asked.attempts.push(attempt);
    const answer = this.#answer(attempt, scripted);
    this.#learnsFrom(attempt);
    return answer;
  }

  #answer(attempt: Attempt, scripted: ScriptedResponse): ScriptedResponse {
    const { account, model, turn, nth, mark, toldAt: now } = attempt;
    if (scripted.kind === 'whole') {
      if (scripted.status !== 401)
        throw new Error(`an attempt with credentials that do not fit: ${scripted.status}`);
      attempt.told = 'refused token';
      return scripted;
    }
    const standing = this.#standing.of(account, model, now);
    const fault = standing?.fault ?? faultOf(this.seed, turn, nth);
    if (fault === null) return serves(mark);
    attempt.told = fault.kind;
    attempt.isStill = standing !== null;
    const { answer, out } = meaningOf(fault, mark, standing?.since ?? now, this.times);
    if (out !== null) this.#isOut(attempt, out);
    if (out !== null && standing === null && out.standsUntil > now) {
      const remedy = 'remedy' in out.end ? out.end.remedy : null;
      const until = out.standsUntil;
      this.#standing.add({ account, model: ofModel(out, model), fault, since: now, remedy, until });
    }
    if (fault.kind === 'paused') this.toBePaused.push({ account, dice: fault.dice });
    return answer;
  }

  /** What follows from an attempt besides its answer. */
  #learnsFrom(attempt: Attempt): void {
    const { account, told, toldAt } = attempt;
    this.faults.set(told, (this.faults.get(told) ?? 0) + 1);
    if (output.has(told)) this.spells.served(account, toldAt);
    if (told === 'upstream-error' && this.#rows.errors.add(attempt) >= THIRD) this.#mayBeOut(attempt);
    if (told === 'breaks after output' && this.#rows.cuts.add(attempt) >= THIRD) this.#mayBeOut(attempt);
    if (!unauthorized.has(told)) return;
    this.#renewing.add(attempt);
    this.spells.renews(attempt);
    if (attempt.wasRefused) this.#mayBeOut(attempt);
    if (told === 'expired token' || told === 'needs login')
      this.fakeUpstream.account(account).expireAccessToken();
    if (told === 'needs login') this.fakeUpstream.account(account).revokeRefreshToken();
  }

  #isOut(attempt: Attempt, out: Out): void {
    const { account, model } = attempt;
    let { end } = out;
    if (out.kind === 'rate-limited') {
      const inARow = this.#rows.rateLimits.add(attempt);
      if (attempt.told === 'bare 429' && 'mostMs' in end)
        end = { leastMs: end.leastMs, mostMs: end.mostMs * 2 ** (inARow - 1) };
    }
    const { kind, isSure } = out;
    const isOtherwise = kind === 'login' ? attempt.wasRefused : isRenewable(out) && this.#isRenewing(account);
    this.spells.add(
      { kind, account, model: ofModel(out, model), end, isSure: isSure && !isOtherwise },
      attempt,
    );
  }

  /** A cooldown that depends on the order in which other requests were heard; the operator ends it soon. */
  #mayBeOut(attempt: Attempt): void {
    const end = { remedy: 'reset', dueAt: attempt.toldAt + 300 } as const;
    this.spells.add({ kind: 'refused', account: attempt.account, model: null, end, isSure: false }, attempt);
  }

  #isRenewing(account: string): boolean {
    return [...this.#renewing].some((it) => it.account === account);
  }

  #known(attempt: Attempt, at: number): void {
    if (attempt.knownAt !== Infinity) return;
    attempt.knownAt = at;
    this.#renewing.delete(attempt);
    if (output.has(attempt.told)) this.#rows.served(attempt);
  }
}

const ofModel = (out: Out, model: string): string | null => (out.kind === 'model' ? model : null);
const isRenewable = ({ kind }: Out): boolean => kind === 'refused' || kind === 'deactivated';
