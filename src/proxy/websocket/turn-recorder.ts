import { Inject, Injectable } from '@nestjs/common';
import type { Account } from '../../accounts/account.js';
import { AccountSelector } from '../../accounts/selection/account-selector.js';
import { SessionAffinity } from '../../accounts/selection/session-affinity.js';
import { RequestLog } from '../../observability/request-log.js';
import { PoolStatusService } from '../../accounts/selection/pool-status.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { Drain } from '../../runtime/drain.js';
import { type TokenCount, usageFromFinalEvent } from '../../usage/response-usage.js';
import { UsageService } from '../../usage/usage.service.js';
import { OutcomeRecorder } from '../failover/outcome-recorder.js';
import type { AttemptOutcome } from '../upstream/outcome.js';
import type { RelayEnd } from '../response/relay.js';
import { TurnCounters } from '../response/turn-counters.js';
import { outcomeOfMessage } from '../upstream/message-failure.js';
import { windowsFromMessage, withPoolQuota } from '../response/quota-message.js';
import { SocketTurn } from './turn.js';

/** Records what turns on WebSockets say about accounts, and their token use. */
@Injectable()
export class TurnRecorder {
  constructor(
    private readonly selector: AccountSelector,
    private readonly recorder: OutcomeRecorder,
    private readonly usage: UsageService,
    private readonly counters: TurnCounters,
    private readonly pool: PoolStatusService,
    private readonly requestLog: RequestLog,
    private readonly drain: Drain,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly affinity: SessionAffinity,
  ) {}

  open(sessionKey: string | null, account: Account, message: Buffer): SocketTurn {
    const turn = new SocketTurn(
      { sessionKey, account, message, clock: this.clock },
      this.requestLog,
      this.drain.enter(),
    );
    turn.record.recordCandidates(this.selector.assess(turn.start.model));
    return turn;
  }

  /** Whether an account that has not refused this turn can serve it now. */
  canAnotherServe({ start, tried }: SocketTurn): boolean {
    return this.selector
      .assess(start.model)
      .some((it) => it.unavailable === null && !tried.has(it.account.id));
  }

  /** The meaning of the message with which upstream ended the turn. */
  outcomeOf(message: Buffer): AttemptOutcome {
    return outcomeOfMessage(message, this.clock.now());
  }

  /** Records the first output of a turn: its account serves. */
  served(turn: SocketTurn, sessionKey: string | null): void {
    this.note(turn, { kind: 'success' }, 200);
    if (sessionKey !== null) this.recorder.settle(sessionKey, turn.account, turn.startedAt);
  }

  /** Records upstream's refusal of the turn. */
  refused(turn: SocketTurn, outcome: AttemptOutcome): void {
    this.note(turn, outcome, null);
  }

  /**
   * Records the quota in a `codex.rate_limits` message of this account, and returns the message with the pool's
   * numbers. `askedAt` (epoch ms) is when its turn was sent; null without a turn.
   */
  quotaMessage(account: Account, message: Buffer, askedAt: number | null): Buffer {
    const now = this.clock.now();
    this.recorder.observeWindows(account, windowsFromMessage(message, now), askedAt ?? now);
    return withPoolQuota(message, this.pool.status().windows);
  }

  /** Records the end of the turn. `last` is its final message; null if it was cut. */
  close(turn: SocketTurn, result: RelayEnd | 'failed' | 'refused' | 'reconnect', last: Buffer | null): void {
    const tokens: TokenCount | null = last === null ? null : usageFromFinalEvent(last.toString('utf8'));
    const isServed = turn.held === null;
    if (isServed && (result === 'complete' || result === 'cut' || result === 'client-gone')) {
      this.counters.served(turn.account, tokens);
      this.recorder.ended(turn.account, { kind: 'success' }, result, turn.startedAt);
    }
    if (result === 'failed' && last !== null) this.failedLate(turn, this.outcomeOf(last), tokens);
    if (!isServed && (result === 'cut' || result === 'client-gone'))
      this.note(turn, noOutputOutcome(result), null);
    turn.record.used({ tokens, bytes: turn.bytes });
    turn.record.end(result, isServed ? 200 : null);
    const facts = turn.record.turn(Date.now());
    if (facts !== null) this.usage.record({ ...facts, model: turn.start.model, effort: turn.start.effort });
    turn[Symbol.dispose]();
  }

  /** Whether the account has just failed a turn of this session and another account is available. */
  isAvoided(sessionKey: string | null, account: Account): boolean {
    return sessionKey !== null && this.affinity.avoided(sessionKey) === account.id;
  }

  private failedLate(turn: SocketTurn, outcome: AttemptOutcome, tokens: TokenCount | null): void {
    const { account, startedAt, start } = turn;
    turn.record.failedLate(outcome.kind);
    this.counters.used(account, tokens);
    this.recorder.failedLate(turn.sessionKey, account, outcome, { startedAt, model: start.model });
  }

  private note(turn: SocketTurn, outcome: AttemptOutcome, status: number | null): void {
    const { account, startedAt, sentAt, start } = turn;
    const peeked = status === null ? null : { response: { statusCode: status } };
    const attempt = { outcome, startedAt, sentAt, headAt: performance.now(), peeked };
    turn.record.attempted(account, 'socket', attempt);
    this.recorder.learn(account, outcome, { startedAt, hasRefreshed: false, model: start.model });
  }
}

function noOutputOutcome(result: 'cut' | 'client-gone'): AttemptOutcome {
  if (result === 'client-gone') return { kind: 'client-gone' };
  return { kind: 'unreachable', wasReused: true, reason: 'the WebSocket closed before any output' };
}
