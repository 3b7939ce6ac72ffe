import { Injectable, Logger } from '@nestjs/common';
import type { Choice } from '../../accounts/selection/account-selector.js';
import type { Account } from '../../accounts/account.js';
import type { Lease } from '../../accounts/lease.js';
import { AccountWait } from './account-wait.js';
import { SameAccountRetry } from './same-account-retry.js';
import type { AccountResult, FailoverContext } from './failover-context.js';
import { CrossAccountRecovery } from './cross-account-recovery.js';
import { releaseAttempt } from '../upstream/attempted.js';
import { Pinning } from './pinning.js';

/** How the attempts of a request ended. The caller releases the lease of `pass-on`. */
export type LoopEnd =
  | { readonly kind: 'pass-on'; readonly result: AccountResult; readonly lease: Lease }
  | { readonly kind: 'client-gone' }
  /** No account is left, or the budget is spent. `result`: of the last attempt; null if none. */
  | { readonly kind: 'dead-end'; readonly result: AccountResult | null };

/** Makes the upstream attempts of a client request, one at a time, until one is passed on or no account is left. */
@Injectable()
export class AttemptLoop {
  private readonly logger = new Logger(AttemptLoop.name);

  constructor(
    private readonly accounts: AccountWait,
    private readonly retry: SameAccountRetry,
    private readonly pinning: Pinning,
    private readonly recovery: CrossAccountRecovery,
  ) {}

  async run(context: FailoverContext): Promise<LoopEnd> {
    let preferredId = this.pinning.preferredId(context);
    let last: AccountResult | null = null;
    for (;;) {
      const choice = await this.choose(context, preferredId);
      context.record.recordCandidates(choice.candidates);
      if (choice.kind === 'none') return this.noAccountLeft(context, last);
      using lease = choice.lease;
      if (context.request.gone.aborted) return { kind: 'client-gone' };
      if (last !== null) this.leave(context, last, lease.account);
      const by = context.isRecovering ? 'go-back' : choice.by;
      context.begin(lease.account, choice);
      last = await this.retry.run(context, lease.account, by);
      switch (last.verdict) {
        case 'failover':
          context.moveFor(last.attempted.outcome);
          break;
        case 'go-back':
          preferredId = this.recovery.formerOf(context, last.account);
          context.beginRecovery();
          break;
        case 'pass-on':
          return { kind: 'pass-on', result: last, lease: lease.handOver() };
        case 'give-up':
          preferredId = await this.withoutCrossAccount(context);
          if (preferredId === null) return { kind: 'dead-end', result: last };
          break;
        case 'stop':
          return { kind: 'client-gone' };
        default:
          last.verdict satisfies never;
      }
    }
  }

  private noAccountLeft({ request }: FailoverContext, last: AccountResult | null): LoopEnd {
    return request.gone.aborted ? { kind: 'client-gone' } : { kind: 'dead-end', result: last };
  }

  /** Chooses an account. If none is left, retries on the refusing account with the encrypted items removed. */
  private async choose(
    context: FailoverContext,
    preferredId: string | null,
  ): Promise<Exclude<Choice, { kind: 'full' }>> {
    const choice = await this.accounts.choose(context, preferredId);
    if (choice.kind !== 'none') return choice;
    const refuserId = await this.withoutCrossAccount(context);
    return refuserId === null ? choice : await this.accounts.choose(context, refuserId);
  }

  /**
   * Removes the cross-account content for the account that refused it and returns that account's identity. Null if
   * none refused, or if nothing can be removed.
   */
  private async withoutCrossAccount(context: FailoverContext): Promise<string | null> {
    const refuser = context.refusal?.account ?? null;
    if (refuser === null || context.strippedBody !== null) return null;
    if (!(await this.recovery.strips(context, refuser))) return null;
    context.allowAgain(refuser.id);
    context.beginRecovery();
    return refuser.id;
  }

  private leave({ request, refusal }: FailoverContext, last: AccountResult, next: Account): void {
    const { account, attempted } = last;
    this.logger.warn('attempt failed over', {
      request: request.id,
      from: account.name,
      to: next.name,
      outcome: attempted.outcome.kind,
    });
    if (refusal?.attempted !== attempted) releaseAttempt(attempted);
    else attempted.socket?.upstream.leave();
  }
}
