import type { Account } from '../../accounts/account.js';
import type { ConsideredCandidate } from '../../accounts/selection/account-selector.js';
import type {
  AttemptEntry,
  LoggedRequest,
  RequestEntry,
  RequestLog,
} from '../../observability/request-log.js';
import type { AttemptOutcome } from '../outcome/outcome.js';
import type { Attempted } from '../upstream/attempted.js';
import type { TurnEnd, TurnFacts, TurnNames } from '../../usage/usage.service.js';
import { namesIn } from '../request/client-names.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import type { Relayed } from '../response/client-channel.js';

/** The recorded fields of a request, or of a turn on a WebSocket. */
export type Recorded = Pick<
  ProxyRequest,
  'id' | 'receivedAt' | 'completeAt' | 'method' | 'sessionKey' | 'isReplayable' | 'knownNames'
>;

/** The account that a session left; `name` is its identity if it is not in the pool any more. */
export interface Former {
  readonly id: string;
  readonly name: string;
}

/** The recorded fields of an attempt; `status` is null if no response came. */
export type RecordedAttempt = Pick<Attempted, 'outcome' | 'status' | 'startedAt' | 'sentAt' | 'headAt'>;

/** Records, while a request is served, which accounts it goes to and why. Outlives the request, whose body it drops. */
export class RequestRecord implements LoggedRequest {
  private readonly request: Recorded;
  private candidates: RequestEntry['candidates'] | null = null;
  private readonly attempts: AttemptEntry[] = [];
  private result = 'running';
  private endedAt: number | null = null;
  private status: number | null = null;
  private sentAt: number | null = null;
  private headAt: number | null = null;
  private lastAccountId: string | null = null;
  private former: Former | null = null;
  private names: TurnNames | null = null;
  private relayed: Pick<Relayed, 'tokens' | 'bytes'> = { tokens: null, bytes: 0 };

  constructor(
    { id, receivedAt, completeAt, method, sessionKey, isReplayable, knownNames }: Recorded,
    private readonly route: string,
    private readonly log: RequestLog,
  ) {
    this.request = { id, receivedAt, completeAt, method, sessionKey, isReplayable, knownNames };
    log.put(this);
  }

  get id(): string {
    return this.request.id;
  }

  /** The HTTP status that the client got; null before that. */
  get clientStatus(): number | null {
    return this.status;
  }

  /** `performance.now()` when the request was first sent to upstream; null if it was not. */
  get firstSentAt(): number | null {
    return this.sentAt;
  }

  /** `performance.now()` when the head of upstream's last response arrived; null if none. */
  get lastAnsweredAt(): number | null {
    return this.headAt;
  }

  /** Records the state of every account at the first choice. */
  recordCandidates(all: readonly ConsideredCandidate[]): void {
    this.candidates ??= all.map(({ account, unavailable }) => ({
      account: account.name,
      passedOver: unavailable?.reason ?? null,
    }));
  }

  attempted(
    account: Account,
    by: string,
    { outcome, status, startedAt, sentAt, headAt }: RecordedAttempt,
  ): void {
    this.lastAccountId = account.id;
    this.sentAt ??= sentAt;
    if (status !== null) this.headAt = headAt;
    this.attempts.push({
      account: account.name,
      by,
      startedAt,
      outcome: outcome.kind,
      status,
      failedLate: null,
    });
    this.log.changed();
  }

  /** Records the outcome that the stream of the last attempt reported after the commit. */
  failedLate(outcome: AttemptOutcome['kind']): void {
    const last = this.attempts.pop();
    if (last !== undefined) this.attempts.push({ ...last, failedLate: outcome });
    this.log.changed();
  }

  /** Records the tokens and bytes of the relayed response. */
  used(relayed: Pick<Relayed, 'tokens' | 'bytes'>): void {
    this.relayed = relayed;
    this.log.changed();
  }

  /** Records that the request moved its session from another account. */
  movedFrom(former: Former): void {
    this.former = former;
  }

  /** Records the names that the request gave. */
  named(names: TurnNames): void {
    this.names = names;
  }

  /** How the request has ended. */
  get turnEnd(): TurnEnd {
    const [first] = this.attempts;
    const isBroken = this.result === 'cut' || this.result === 'failed';
    const isRefused = this.status !== null && this.status >= 400 && this.status !== 499;
    return {
      isFailedOver: this.attempts.some((it) => it.account !== first?.account),
      hasFailed: isBroken || isRefused,
    };
  }

  /** Returns the finished turn for the usage records; null if it reached no account. */
  turn(now: number): TurnFacts | null {
    if (this.lastAccountId === null) return null;
    const { id, receivedAt, completeAt, sessionKey } = this.request;
    return {
      id,
      at: receivedAt,
      accountId: this.lastAccountId,
      session: sessionKey,
      route: this.route,
      movedFrom: this.former?.id ?? null,
      decidedBy: this.attempts.at(-1)?.by ?? null,
      lastOutcome: this.attempts.at(-1)?.outcome ?? null,
      firstRefusal: firstRefusalIn(this.attempts, this.candidates ?? [], this.former),
      accountsTried: new Set(this.attempts.map((it) => it.account)).size,
      status: this.status,
      outcome: this.result,
      attempts: this.attempts.length,
      tokens: this.relayed.tokens,
      firstByteMs: this.headAt === null ? null : Math.round(this.headAt - completeAt),
      totalMs: (this.endedAt ?? now) - receivedAt,
      bytes: this.relayed.bytes,
    };
  }

  end(result: string, status: number | null): void {
    this.result = result;
    this.status = status;
    this.endedAt = Date.now();
    this.log.changed();
  }

  /** The request as it is now. Until it has ended, its names are those that are known without its body. */
  entry(): RequestEntry {
    const { id, receivedAt, completeAt, method, sessionKey, isReplayable, knownNames } = this.request;
    const { model, effort, frontEnd, thread, project } = this.names ?? {
      ...namesIn(knownNames),
      project: null,
    };
    return {
      id,
      at: receivedAt,
      method,
      route: this.route,
      session: sessionKey,
      thread,
      model,
      effort,
      frontEnd,
      project,
      account: this.attempts.at(-1)?.account ?? null,
      candidates: [...(this.candidates ?? [])],
      attempts: [...this.attempts],
      movedFrom: this.former?.name ?? null,
      isReplayable,
      firstRefusal: firstRefusalIn(this.attempts, this.candidates ?? [], this.former),
      result: this.result,
      endedAt: this.endedAt,
      status: this.status,
      firstByteMs: this.headAt === null ? null : Math.round(this.headAt - completeAt),
      bytes: this.relayed.bytes,
      tokens: this.relayed.tokens,
      detail: 'full',
    };
  }
}

const REFUSAL_CHARS = 120;

/**
 * Returns the first reason why another account did not serve: an attempt that failed, or the state in which the session's
 * former account was passed over. Null if there is none.
 */
function firstRefusalIn(
  attempts: readonly AttemptEntry[],
  candidates: RequestEntry['candidates'],
  former: Former | null,
): string | null {
  const [first] = attempts;
  const reason = first === undefined || attempts.length < 2 ? null : `${first.account}: ${first.outcome}`;
  const passedOver = candidates.find((it) => it.account === former?.name)?.passedOver ?? null;
  const text = reason ?? (former === null || passedOver === null ? null : `${former.name}: ${passedOver}`);
  return text?.slice(0, REFUSAL_CHARS).toWellFormed() ?? null;
}
