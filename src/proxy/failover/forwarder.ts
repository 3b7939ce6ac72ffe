import type { ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { AccountWait } from './account-wait.js';
import { OutcomeRecorder } from './outcome-recorder.js';
import type { Account } from '../../accounts/account.js';
import { AttemptLoop, type LoopEnd } from './attempt-loop.js';
import { type AccountResult, FailoverContext } from './failover-context.js';
import type { RequestRecord } from './request-record.js';
import { NoAccountResponse } from './no-account-response.js';
import type { ErrorEnvelope } from '../upstream/error-envelope.js';
import { discard } from '../upstream/response-peek.js';
import { Pinning } from './pinning.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { ResponseCommit } from '../response/response-commit.js';

/** Serves a turn or an image request with failover: runs the attempts, then sends the client one response. */
@Injectable()
export class Forwarder {
  constructor(
    private readonly loop: AttemptLoop,
    private readonly accounts: AccountWait,
    private readonly recorder: OutcomeRecorder,
    private readonly pinning: Pinning,
    private readonly commit: ResponseCommit,
    private readonly noAccount: NoAccountResponse,
  ) {}

  /** Resolves when the response to the client has ended. */
  async serve(
    request: ProxyRequest,
    res: ServerResponse,
    path: string,
    record: RequestRecord,
  ): Promise<void> {
    const soleId = await this.pinning.soleAccount(request, path);
    const context = new FailoverContext(request, path, record, soleId);
    return await this.respond(context, res, await this.loop.run(context));
  }

  /** Sends the client the result of the attempts. Resolves when the response has ended. */
  async respond(context: FailoverContext, res: ServerResponse, end: LoopEnd): Promise<void> {
    const { record } = context;
    if (end.kind === 'client-gone') return record.end('client gone', 499);
    if (end.kind === 'dead-end') return await this.deadEnd(context, res, end.result);
    using _lease = end.lease;
    return await this.passOn(context, res, end.result);
  }

  private async passOn(context: FailoverContext, res: ServerResponse, last: AccountResult): Promise<void> {
    const { request, record } = context;
    const { account, attempted } = this.bestResult(context, last);
    const { peeked } = attempted;
    // Codex retries a failed stream; in place of one it gets upstream's words as a refusal, which it prints at once.
    const isStreamed = attempted.outcome.kind === 'wrong-place' && peeked?.isEventStream === true;
    if (peeked === null || isStreamed) return await this.sendLocal(context, res, last);
    const relayed = await this.commit.turn(request, res, account, { ...attempted, peeked }, (id) =>
      this.pinning.pin('response', id, account),
    );
    record.used(relayed);
    const status = peeked.response.statusCode ?? null;
    if (relayed.failure !== null) {
      await this.failedLate(context, account, relayed.failure, attempted.startedAt);
      return record.end('failed', status);
    }
    const { startedAt } = attempted;
    this.recorder.ended(account, attempted.outcome, relayed.end, { startedAt, feature: context.feature });
    record.end(relayed.end, status);
  }

  private async failedLate(
    context: FailoverContext,
    account: Account,
    failure: ErrorEnvelope,
    startedAt: number,
  ): Promise<void> {
    const needs = { model: await context.model(), feature: context.feature };
    const route = context.feature ?? 'turn';
    const outcome = this.recorder.outcomeOfLate(failure, { route, model: needs.model });
    context.record.failedLate(outcome.kind);
    this.recorder.failedLate(context.request.sessionKey, account, outcome, { startedAt, needs });
  }

  /** Sends upstream's last response if it says more than a local response would; otherwise a local response. */
  private async deadEnd(
    context: FailoverContext,
    res: ServerResponse,
    last: AccountResult | null,
  ): Promise<void> {
    if (last !== null && (await this.isWorthPassingOn(context, last)))
      return await this.passOn(context, res, last);
    await this.sendLocal(context, res, last);
  }

  private async sendLocal(
    context: FailoverContext,
    res: ServerResponse,
    last: AccountResult | null,
  ): Promise<void> {
    const { request, tried, record, soleId } = context;
    for (const it of [last, context.refusal])
      if (it?.attempted.peeked != null) discard(it.attempted.peeked.response);
    const needs = await this.accounts.needsOf(context);
    this.noAccount.send(request, res, tried, last?.attempted.outcome.kind ?? null, record, soleId, needs);
  }

  /** Prefers upstream's refusal of the client's own body to that of a stripped body, which the client never sent. */
  private bestResult({ refusal }: FailoverContext, last: AccountResult): AccountResult {
    if (refusal === null || refusal.attempted === last.attempted) return last;
    const [best, other] = isRefusalOfBody(last) ? [refusal, last] : [last, refusal];
    if (other.attempted.peeked !== null) discard(other.attempted.peeked.response);
    return best;
  }

  /** Whether upstream's last response says more than a local response: no other account could do better. */
  private async isWorthPassingOn(context: FailoverContext, { attempted }: AccountResult): Promise<boolean> {
    const { kind } = attempted.outcome;
    if (kind === 'overloaded' || kind === 'cross-account-content' || kind === 'forbidden') return true;
    if (kind !== 'not-entitled') return false;
    const model = await context.model();
    // If no model is named, the refusal cannot be remembered, and a repeat would fail the same way.
    return model === null || !this.accounts.isAnyLeft(context, model);
  }
}

/** Whether upstream has refused the body itself. */
function isRefusalOfBody({ attempted }: AccountResult): boolean {
  return attempted.outcome.kind === 'cross-account-content' || attempted.outcome.kind === 'client-error';
}
