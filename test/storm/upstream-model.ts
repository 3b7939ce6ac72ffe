import type { ScriptedResponse } from '../../src/fake-upstream/script/scripted-response.js';
import type { HandshakeResponse, SocketResponse } from '../../src/fake-upstream/script/socket-script.js';
import type { SocketTurnRequest } from '../../src/fake-upstream/websocket/turns.js';
import type { LoggedRequest } from '../../src/fake-upstream/script/request-log.js';
import type { FakeUpstream } from '../../src/fake-upstream/fake-upstream.js';
import { success } from './attempt-faults.js';
import { FailureStreaks } from './failure-streaks.js';
import { effectOf, type OutageEffect, type StormTimes } from './fault-effect.js';
import { type Fault, faultOf } from './fault-mix.js';
import type { Remedy } from './outage.js';
import { OutageLog } from './outage-log.js';
import { PersistentFaults } from './persistent-faults.js';
import { generalModels } from './sessions.js';
import { onSocket, ownFaultOf } from './socket-faults.js';
import {
  type Attempt,
  attemptOf,
  type ClientRequest,
  type ClientResponse,
  committed,
  late,
  REASONING,
  reportsQuota,
  nameOf,
  unauthorized,
} from './storm-turn.js';

const requestName = /<<turn (\d+) request (\d+)>>/;

/** Longer than the usage limits of the fault mix. */
const LONG_MS = 3_000;
const LATE = 'usage limit after output';
/** Consecutive upstream errors, or cuts, that make an account unavailable. */
const THIRD = 3;
/** A token that was rejected on a WebSocket may be renewed in the background, at most for so long. */
const RENEWAL_MS = 2_000;

/**
 * Decides the response to every attempt, and derives from the failover table when each account must be available. It
 * knows only upstream's side and never asks the program.
 */
export class UpstreamModel {
  readonly outages = new OutageLog();
  readonly faults = new Map<string, number>();
  /** Accounts that the operator should pause for a while. */
  readonly accountsToPause: { readonly account: string; readonly roll: number }[] = [];
  attempts = 0;
  readonly #requests = new Map<string, ClientRequest>();
  readonly #requestsOfSessions = new Map<string, ClientRequest>();
  readonly #attemptsOfTurn = new Map<number, number>();
  readonly #persistent = new PersistentFaults();
  readonly #streaks = new FailureStreaks();
  readonly #renewing = new Set<Attempt>();
  #isQuotaHidden = false;

  constructor(
    private readonly fakeUpstream: FakeUpstream,
    private readonly seed: number,
    private readonly times: StormTimes,
    /** Called for every attempt when it arrives, before the response. */
    private readonly onAttempt: (request: ClientRequest, attempt: Attempt) => void,
  ) {
    fakeUpstream.decides = (turn, scripted) => this.#decide(turn, scripted);
    fakeUpstream.decidesHandshakes = (handshake, scripted) => this.#decideHandshake(handshake, scripted);
    fakeUpstream.decidesOnSockets = (turn) => this.#decideOnSocket(turn);
  }

  /** Registers a request that the client is about to send. */
  expect(request: ClientRequest): void {
    this.#requests.set(nameOf(request.turn, request.number), request);
    this.#requestsOfSessions.set(request.session, request);
  }

  /** The client has its response, so the program knows of every attempt that led to it. */
  responseArrived({ attempts }: ClientRequest, { at, endedAt }: ClientResponse): void {
    const last = attempts.at(-1);
    // The program learns of a failure after output at the end of the response.
    if (last !== undefined) this.#markKnown(last, late.has(last.reply) ? endedAt : at);
  }

  /** Ends the faults of the account that have this remedy. */
  clearFaults(account: string, remedy: Remedy): void {
    this.#persistent.clear(account, remedy);
  }

  reset(account: string, from: number): void {
    this.#streaks.reset(account, from);
  }

  /** The program was killed at `from`; at `by` it has loaded everything that survived. */
  restarted(from: number, by: number, isOnDisk: (at: number) => boolean): void {
    this.#renewing.clear();
    this.#streaks.restarted(from, by, isOnDisk);
    this.outages.restarted(from, by, isOnDisk);
  }

  /** Records that the account's newest tokens went to a process that was killed at `from`, and are lost. */
  tokensLost(account: string, from: number): void {
    const end = { remedy: 'new file', dueAt: from } as const;
    const notice = { issuedAt: from, knownAt: Date.now() };
    this.outages.add({ kind: 'login', account, models: null, end, isCertain: false }, notice);
  }

  /** From now on no response reports the general quota, and polls fail. */
  hideQuota(accounts: readonly string[]): void {
    this.#isQuotaHidden = true;
    for (const it of accounts) this.fakeUpstream.account(it).usage().usageResponses(500, 'out of order');
  }

  /** Puts the account at its usage limit from now on, for `ms`. */
  limit(account: string, ms: number): void {
    const fault = { kind: 'usage limit', roll: 0 } as const;
    const since = Date.now() + ms - this.times.limitMs[0];
    const until = Date.now() + ms - 1_000;
    this.#persistent.add({ account, models: null, fault, since, remedy: null, until });
  }

  /** Whether the program must know that the account is at its usage limit. */
  isAtLimit(account: string): boolean {
    const now = Date.now();
    return this.outages.certainOutage(account, generalModels[0] ?? '', now, now + LONG_MS)?.kind === 'quota';
  }

  #decide(turn: LoggedRequest, scripted: ScriptedResponse): ScriptedResponse {
    const { request, attempt } = this.#arrived(turn.body.toString(), turn.account);
    this.onAttempt(request, attempt);
    request.attempts.push(attempt);
    const response = this.#respond(attempt, scripted);
    this.#recordEffects(attempt);
    return response;
  }

  /** Accepts every handshake with a valid token. Its response reports quota. */
  #decideHandshake({ account, headers }: LoggedRequest, scripted: HandshakeResponse): HandshakeResponse {
    const request = this.#requestsOfSessions.get(String(headers['session-id']));
    if (request === undefined || account === null)
      throw new Error('received a handshake of a session without a turn');
    if (scripted.kind === 'accept') {
      this.#reportedQuota(account, Date.now());
      return scripted;
    }
    const attempt = this.#attemptOf(request, account, REASONING);
    request.attempts.push(attempt);
    this.#respond(attempt, scripted);
    this.#recordEffects(attempt);
    return scripted;
  }

  #decideOnSocket({ bytes, account }: SocketTurnRequest): SocketResponse {
    const { request, attempt } = this.#arrived(bytes.toString(), account);
    this.onAttempt(request, attempt);
    request.attempts.push(attempt);
    const { reply, response } = this.#replyOnSocket(attempt, request.isContinuing);
    attempt.reply = reply;
    this.#recordEffects(attempt);
    return response;
  }

  #replyOnSocket(attempt: Attempt, isContinuing: boolean): ReturnType<typeof onSocket> {
    const { account, model, mark, issuedAt } = attempt;
    const own = ownFaultOf(this.seed, attempt);
    if (own !== null && this.#persistent.of(account, model, issuedAt) === null) return own;
    const { fault, response } = this.#meetFault(attempt);
    if (fault === null) return { reply: 'none', response: success(mark) };
    return onSocket(fault, response, attempt, isContinuing);
  }

  #arrived(body: string, account: string | null): { request: ClientRequest; attempt: Attempt } {
    const request = this.#requests.get(requestName.exec(body)?.[0] ?? '');
    if (request === undefined || account === null)
      throw new Error('received an attempt for a request that the client never sent');
    return { request, attempt: this.#attemptOf(request, account, body) };
  }

  #attemptOf(request: ClientRequest, account: string, body: string): Attempt {
    const nth = this.#attemptsOfTurn.get(request.turn) ?? 0;
    this.#attemptsOfTurn.set(request.turn, nth + 1);
    this.attempts += 1;
    const attempt = attemptOf(request, account, nth, body);
    const previous = request.attempts.at(-1);
    if (previous !== undefined) this.#markKnown(previous, attempt.issuedAt);
    return attempt;
  }

  #respond(attempt: Attempt, scripted: ScriptedResponse): ScriptedResponse {
    if (scripted.kind === 'whole') {
      if (scripted.status !== 401)
        throw new Error(`received an attempt with mismatched credentials: ${scripted.status}`);
      attempt.reply = 'refused token';
      return scripted;
    }
    return this.#meetFault(attempt).response;
  }

  /** The fault that an attempt meets, if any, and the response over HTTP. Records the outage that follows. */
  #meetFault(attempt: Attempt): { readonly fault: Fault | null; readonly response: ScriptedResponse } {
    const { account, model, turn, nth, mark, issuedAt: now } = attempt;
    const persistent = this.#persistent.of(account, model, now);
    const fault = persistent?.fault ?? faultOf(this.seed, turn, nth);
    if (fault === null) return { fault, response: success(mark) };
    attempt.reply = fault.kind;
    attempt.isPersistent = persistent !== null;
    const { response, outage } = effectOf(fault, { mark, model, now: persistent?.since ?? now }, this.times);
    if (fault.kind === LATE) this.outages.served(account, now); // until it failed
    if (outage !== null) this.#addOutage(attempt, outage);
    if (outage !== null && persistent === null && outage.persistsUntil > now) {
      const remedy = 'remedy' in outage.end ? outage.end.remedy : null;
      const until = outage.persistsUntil;
      const { models } = outage;
      const lasting = fault.kind === LATE ? { ...fault, kind: 'usage limit' as const } : fault;
      this.#persistent.add({ account, models, fault: lasting, since: now, remedy, until });
    }
    if (fault.kind === 'paused') this.accountsToPause.push({ account, roll: fault.roll });
    return { fault, response };
  }

  /** Records what an attempt changes besides its response. */
  #recordEffects(attempt: Attempt): void {
    const { account, reply, issuedAt } = attempt;
    this.faults.set(reply, (this.faults.get(reply) ?? 0) + 1);
    if (committed.has(reply) && reply !== LATE) this.outages.served(account, issuedAt);
    else if (reportsQuota.has(reply)) this.#reportedQuota(account, issuedAt);
    if (reply === 'upstream-error' && this.#streaks.errors.add(attempt) >= THIRD)
      this.#addPossibleOutage(attempt);
    if (reply === 'breaks after output' && this.#streaks.cuts.add(attempt) >= THIRD)
      this.#addPossibleOutage(attempt);
    if (!unauthorized.has(reply)) return;
    this.#renewing.add(attempt);
    this.outages.renewing(attempt);
    if (attempt.wasRefused) this.#addPossibleOutage(attempt);
    if (reply === 'expired token' || reply === 'needs login' || reply === 'rejected after output')
      this.fakeUpstream.account(account).expireAccessToken();
    if (reply === 'needs login') this.fakeUpstream.account(account).revokeRefreshToken();
  }

  #addOutage(attempt: Attempt, outage: OutageEffect): void {
    const { account } = attempt;
    let { end } = outage;
    if (outage.kind === 'rate-limited') {
      const streak = this.#streaks.rateLimits.add(attempt);
      if (attempt.reply === 'bare 429' && 'mostMs' in end)
        end = { leastMs: end.leastMs, mostMs: end.mostMs * 2 ** (streak - 1) };
    }
    const { kind, models } = outage;
    // A refresh that is under way may still bring tokens. A socket's client may have its response before the refresh fails.
    const isRenewing = this.#isRenewing(account);
    const isAmbiguous =
      kind === 'login'
        ? attempt.wasRefused || attempt.isSocket || isRenewing
        : mayBeRenewed(outage) && isRenewing;
    const isCertain = outage.isCertain && !isAmbiguous;
    this.outages.add({ kind, account, models, end, isCertain }, attempt);
  }

  /** Adds a cooldown that depends on the order in which the program sees other responses; the operator ends it soon. */
  #addPossibleOutage(attempt: Attempt): void {
    const { account, issuedAt } = attempt;
    const end = { remedy: 'reset', dueAt: issuedAt + 300 } as const;
    this.outages.add({ kind: 'refused', account, models: null, end, isCertain: false }, attempt);
  }

  #reportedQuota(account: string, at: number): void {
    this.outages.reportedQuota(account, at, this.#isQuotaHidden ? ['meter'] : ['quota', 'meter']);
  }

  #isRenewing(account: string): boolean {
    return [...this.#renewing].some((it) => it.account === account);
  }

  #markKnown(attempt: Attempt, at: number): void {
    if (attempt.knownAt !== Infinity) return;
    attempt.knownAt = at;
    if (!attempt.isSocket) this.#renewing.delete(attempt);
    else setTimeout(() => this.#renewing.delete(attempt), RENEWAL_MS).unref();
    if (committed.has(attempt.reply)) this.#streaks.served(attempt);
  }
}

const mayBeRenewed = ({ kind }: OutageEffect): boolean => kind === 'refused' || kind === 'deactivated';
