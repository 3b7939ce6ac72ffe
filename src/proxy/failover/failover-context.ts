import type { Account } from '../../accounts/account.js';
import type { Feature } from '../../accounts/evidence/refusal-scope.js';
import { limits } from '../../config/limits.js';
import type { Attempted } from '../upstream/attempted.js';
import type { AttemptOutcome } from '../outcome/outcome.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import type { UpstreamSocket } from '../socket/upstream-socket.js';
import type { Verdict } from './failover-policy.js';
import type { RequestRecord } from './request-record.js';

/** How the attempts on one account ended. */
export interface AccountResult {
  readonly account: Account;
  readonly attempted: Attempted;
  readonly verdict: Exclude<Verdict, SameAccount>;
}

/** The upstream socket of a session, for a request on the client's WebSocket. */
export interface SessionSocket {
  /** The session's upstream socket; null while it has none. */
  readonly current: UpstreamSocket | null;
  /** Called with the socket that the message was sent on. */
  readonly onSent: (upstream: UpstreamSocket) => void;
}

/** Verdicts after which the same account is tried again. */
type SameAccount = 'refresh' | 'retry' | 'retry-at-once' | 'strip';

/** A client's request on its way through failover: its requirements, and the results of its attempts. */
export class FailoverContext {
  readonly #tried = new Set<string>();
  readonly #movedFor = new Set<AttemptOutcome['kind']>();
  readonly #forbiddenCodes = new Set<string>();
  readonly #startedAt = performance.now();
  #spent = 0;
  #isPatient = true;
  #isOverflow = false;
  #isRecovering = false;
  #hasRetriedReused = false;
  #hasTakenOut = false;
  readonly #leftSockets = new Set<UpstreamSocket>();
  #strippedBody: Buffer | null = null;
  #refusal: AccountResult | null = null;

  constructor(
    readonly request: ProxyRequest,
    /** Path below upstream's base address, without leading slash and query. */
    readonly path: string,
    readonly record: RequestRecord,
    /** Identity of the only account that can serve it; null when any may. */
    readonly soleId: string | null,
    /** The WebSocket that the client's session has; null for a request over HTTP. */
    readonly socket: SessionSocket | null = null,
  ) {}

  /**
   * Identity of the only account that could serve it, however often the client sends it; null when any may. A request
   * that continues a response on its socket is sent in full on the next one, where any account can serve it.
   */
  get onlyId(): string | null {
    return this.request.isContinuation ? null : this.soleId;
  }

  /** The session's socket, if it may carry an attempt: it has not failed one of this request. Null for none. */
  get carrier(): UpstreamSocket | null {
    const current = this.socket?.current ?? null;
    return current === null || this.#leftSockets.has(current) ? null : current;
  }

  /** A failure has come on this socket, so no other attempt of the request uses it. */
  leaveSocket(socket: UpstreamSocket): void {
    this.#leftSockets.add(socket);
  }

  /** The requested model; null when the request names none. */
  async model(): Promise<string | null> {
    return await this.request.model();
  }

  /** The feature that the request uses; null for a turn. */
  get feature(): Feature | null {
    return this.path.startsWith('images/') ? 'images' : null;
  }

  /** Whether it is a turn, and not a handshake, a prewarm or an image request. */
  get isTurn(): boolean {
    const { isHandshake, isPrewarm } = this.request;
    return this.feature === null && !isHandshake && !isPrewarm;
  }

  /** Begins the attempts on an account: the first one costs budget, except during a recovery. */
  begin(account: Account, { isOverflow }: { readonly isOverflow: boolean }): void {
    this.#tried.add(account.id);
    this.#isOverflow = isOverflow;
    if (!this.#isRecovering) this.spend();
    this.#isRecovering = false;
  }

  /** Counts an attempt against the budget. */
  spend(): void {
    this.#spent += 1;
  }

  /** How many of `maxAttempts` are left; 0 once the request has taken longer than `limits.attemptsMs`. */
  attemptsLeft(maxAttempts: number): number {
    return performance.now() - this.#startedAt >= limits.attemptsMs ? 0 : maxAttempts - this.#spent;
  }

  /** Identities of the accounts that the request has been sent to. */
  get tried(): ReadonlySet<string> {
    return this.#tried;
  }

  /** Lets the request go once more to an account that it has been sent to. */
  allowAgain(accountId: string): void {
    this.#tried.delete(accountId);
  }

  /** Records that the request leaves an account because of this outcome. */
  moveFor(outcome: AttemptOutcome): void {
    this.#movedFor.add(outcome.kind);
    if (outcome.kind === 'forbidden') this.#forbiddenCodes.add(outcome.code);
  }

  /** Records that an account has rejected the request with a fresh token and is unavailable because of that. */
  takeOut(): void {
    this.#hasTakenOut = true;
  }

  /**
   * Whether the request has taken an account out. When a second account rejects it as well, the fault may be the
   * request's, and that account stays.
   */
  get hasTakenOut(): boolean {
    return this.#hasTakenOut;
  }

  /** Whether an account has already responded with 403 and this code. */
  hasBeenForbidden(code: string): boolean {
    return this.#forbiddenCodes.has(code);
  }

  /** Whether the request has already left an account because of this kind of outcome. */
  hasMovedFor(kind: AttemptOutcome['kind']): boolean {
    return this.#movedFor.has(kind);
  }

  /** Makes the request stop waiting for full accounts. */
  stopWaiting(): void {
    this.#isPatient = false;
  }

  /** Whether the request still waits for an account that is full. */
  get isPatient(): boolean {
    return this.#isPatient;
  }

  /** Whether the request is on this account only because its session's account is full. */
  get isOverflow(): boolean {
    return this.#isOverflow;
  }

  /** Records that a kept connection broke and the request is sent again at once; allowed once per request. */
  retryReused(): void {
    this.#hasRetriedReused = true;
  }

  get hasRetriedReused(): boolean {
    return this.#hasRetriedReused;
  }

  /** Makes the next account part of a recovery from cross-account content. */
  beginRecovery(): void {
    this.#isRecovering = true;
  }

  get isRecovering(): boolean {
    return this.#isRecovering;
  }

  /** Replaces the client's body: this one lacks the items that upstream refused. */
  replaceBody(stripped: Buffer): void {
    this.#strippedBody = stripped;
  }

  /** The body without the cross-account items; null while nothing has been removed. */
  get strippedBody(): Buffer | null {
    return this.#strippedBody;
  }

  /** Keeps the first refusal of the client's own body, in case no recovery helps; false if one is kept. */
  rememberRefusal(account: Account, attempted: Attempted): boolean {
    if (this.#refusal !== null) return false;
    this.#refusal = { account, attempted, verdict: 'pass-on' };
    return true;
  }

  /** Upstream's refusal of the client's own body; null if none. */
  get refusal(): AccountResult | null {
    return this.#refusal;
  }
}
