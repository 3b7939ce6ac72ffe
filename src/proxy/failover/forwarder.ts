import { Injectable } from '@nestjs/common';
import { AccountWait } from './account-wait.js';
import { OutcomeRecorder } from './outcome-recorder.js';
import type { Account } from '../../accounts/account.js';
import { AttemptLoop, type LoopEnd } from './attempt-loop.js';
import { type AccountResult, FailoverContext, type SessionSocket } from './failover-context.js';
import type { RequestRecord } from './request-record.js';
import { NoAccountResponse } from './no-account-response.js';
import { Reconnection } from './reconnection.js';
import { releaseAttempt } from '../upstream/attempted.js';
import type { EventFailure } from '../outcome/event-failure.js';
import { Pinning } from './pinning.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import type { ClientChannel, Relayed } from '../response/client-channel.js';
import { TurnCounters } from '../response/turn-counters.js';

/** Serves a turn or an image request with failover: runs the attempts, then sends the client one response. */
@Injectable()
export class Forwarder {
  constructor(
    private readonly loop: AttemptLoop,
    private readonly accounts: AccountWait,
    private readonly recorder: OutcomeRecorder,
    private readonly pinning: Pinning,
    private readonly counters: TurnCounters,
    private readonly noAccount: NoAccountResponse,
    private readonly reconnection: Reconnection,
  ) {}

  /** Resolves when the response to the client has ended. `socket`: for a turn on a WebSocket. */
  async serve(
    request: ProxyRequest,
    channel: ClientChannel,
    path: string,
    record: RequestRecord,
    socket: SessionSocket | null = null,
  ): Promise<void> {
    const soleId = await this.pinning.soleAccount(request, path, socket);
    const context = new FailoverContext(request, path, record, soleId, socket);
    if (channel.reconnect !== null && (await this.reconnection.isBetterThanSending(context)))
      return this.reconnect(context, channel.reconnect);
    return await this.respond(context, channel, await this.loop.run(context));
  }

  /** Sends the client the result of the attempts. Resolves when the response has ended. */
  async respond(context: FailoverContext, channel: ClientChannel, end: LoopEnd): Promise<void> {
    if (end.kind === 'client-gone') return context.record.end('client gone', 499);
    using _lease = end.kind === 'pass-on' ? end.lease : null;
    const last = end.result;
    if (channel.reconnect !== null && (await this.reconnection.isBetterThan(last, context))) {
      if (last !== null) releaseAttempt(last.attempted);
      return this.reconnect(context, channel.reconnect);
    }
    if (end.kind === 'pass-on') return await this.passOn(context, channel, end.result);
    return await this.deadEnd(context, channel, last);
  }

  private reconnect({ record }: FailoverContext, reconnect: (reason: string) => void): void {
    record.end('reconnect', null);
    reconnect('another account serves from here on');
  }

  private async passOn(context: FailoverContext, channel: ClientChannel, last: AccountResult): Promise<void> {
    const { request, record } = context;
    const { account, attempted } = this.bestResult(context, last);
    // Codex retries a failed stream but prints a refusal at once, so it gets upstream's words as a refusal.
    const isStreamed = attempted.peeked === null || attempted.peeked.isEventStream;
    if (attempted.outcome.kind === 'wrong-place' && isStreamed)
      return await this.sendLocal(context, channel, last);
    const relayed = await channel.relay(request, account, attempted, (id) =>
      this.pinning.pin('response', id, account),
    );
    if (relayed === null) return this.sendLocal(context, channel, last);
    record.used(relayed);
    const isServed = attempted.outcome.kind === 'success';
    if (isServed || attempted.outcome.kind === 'opened') {
      if (relayed.failure !== null) {
        await this.failedLate(context, account, relayed, relayed.failure, attempted.startedAt);
        return record.end('failed', attempted.status);
      }
      if (isServed) this.counters.served(account, relayed.tokens);
    }
    const { startedAt } = attempted;
    this.recorder.ended(account, attempted.outcome, relayed.end, { startedAt, feature: context.feature });
    record.end(relayed.end, attempted.status);
  }

  private async failedLate(
    context: FailoverContext,
    account: Account,
    { tokens }: Relayed,
    failure: EventFailure,
    startedAt: number,
  ): Promise<void> {
    this.counters.used(account, tokens);
    const { feature } = context;
    const needs = { model: await context.model(), feature };
    const outcome = this.recorder.outcomeOfLate(failure, { route: feature ?? 'turn', model: needs.model });
    context.record.failedLate(outcome.kind);
    this.recorder.failedLate(context.request.sessionKey, account, outcome, { startedAt, needs });
  }

  /** Sends upstream's last response if it says more than a local response would; otherwise a local response. */
  private async deadEnd(
    context: FailoverContext,
    channel: ClientChannel,
    last: AccountResult | null,
  ): Promise<void> {
    if (last !== null && (await this.isWorthPassingOn(context, last)))
      return await this.passOn(context, channel, last);
    await this.sendLocal(context, channel, last);
  }

  private async sendLocal(
    context: FailoverContext,
    channel: ClientChannel,
    last: AccountResult | null,
  ): Promise<void> {
    const { request, tried, record } = context;
    for (const it of [last, context.refusal]) if (it !== null) releaseAttempt(it.attempted);
    const needs = await this.accounts.needsOf(context);
    const kind = last?.attempted.outcome.kind ?? null;
    this.noAccount.send(request, channel, tried, kind, record, context.onlyId, needs);
  }

  /** Prefers upstream's refusal of the client's own body to that of a stripped body, which the client never sent. */
  private bestResult({ refusal }: FailoverContext, last: AccountResult): AccountResult {
    if (refusal === null || refusal.attempted === last.attempted) return last;
    const [best, other] = isRefusalOfBody(last) ? [refusal, last] : [last, refusal];
    const isSameSocket = other.attempted.socket?.upstream === best.attempted.socket?.upstream;
    if (other.attempted.socket === null || !isSameSocket) releaseAttempt(other.attempted);
    return best;
  }

  /** Whether upstream's last response says more than a local response: no other account could do better. */
  private async isWorthPassingOn(
    context: FailoverContext,
    { account, attempted }: AccountResult,
  ): Promise<boolean> {
    const { kind } = attempted.outcome;
    if (kind === 'overloaded' || kind === 'cross-account-content' || kind === 'forbidden') return true;
    // Nothing known about this request falls under upstream's limit, so a local response could not report it.
    if (kind === 'quota-exhausted')
      return this.accounts.isAvailable(account, await this.accounts.needsOf(context));
    if (kind !== 'not-entitled') return false;
    const model = await context.model();
    // If no model is named, the refusal cannot be remembered, and a repeat would fail the same way.
    const { tried, onlyId: soleId, feature } = context;
    return model === null || !this.accounts.isAnyLeft({ tried, soleId, feature }, model);
  }
}

/** Whether upstream has refused the body itself. */
function isRefusalOfBody({ attempted }: AccountResult): boolean {
  return attempted.outcome.kind === 'cross-account-content' || attempted.outcome.kind === 'client-error';
}
