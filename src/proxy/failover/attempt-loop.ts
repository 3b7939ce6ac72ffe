import { Injectable, Logger } from '@nestjs/common';
import type { Choice } from '../../accounts/selection/account-selector.js';
import type { Account } from '../../accounts/account.js';
import type { Lease } from '../../accounts/lease.js';
import { AccountChooser } from './account-wait.js';
import { AccountTries, type Tried } from './same-account-retry.js';
import type { Course } from './failover-context.js';
import { ForeignRecovery } from './cross-account-recovery.js';
import { discard } from '../upstream/response-peek.js';
import { Ownership } from './pinning.js';

/** How the attempts of a request ended. The lease of the account that has answered is the caller's to end. */
export type LoopEnd =
  | { readonly kind: 'pass-on'; readonly tried: Tried; readonly lease: Lease }
  | { readonly kind: 'client-gone' }
  /** Nobody is left who could serve, or the budget is spent; `tried`: the last attempt, null without one. */
  | { readonly kind: 'dead-end'; readonly tried: Tried | null };

/** One client request, one upstream attempt at a time, until one of them is the answer or nobody is left. */
@Injectable()
export class AttemptLoop {
  private readonly logger = new Logger(AttemptLoop.name);

  constructor(
    private readonly chooser: AccountChooser,
    private readonly tries: AccountTries,
    private readonly ownership: Ownership,
    private readonly recovery: ForeignRecovery,
  ) {}

  async run(course: Course): Promise<LoopEnd> {
    let preferredId = this.ownership.turnStateOwner(course.request);
    let last: Tried | null = null;
    for (;;) {
      const choice = await this.choose(course, preferredId);
      course.decision.considered(choice.considered);
      if (choice.kind === 'none') return this.nobody(course, last);
      using lease = choice.lease;
      if (course.request.gone.aborted) return { kind: 'client-gone' };
      course.isOverflow = choice.isOverflow;
      if (last !== null) this.leave(course, last, lease.account);
      last = await this.tries.run(course, lease.account, course.isRecovering ? 'go-back' : choice.by);
      course.isRecovering = false;
      switch (last.verdict) {
        case 'failover':
          course.movedFor.add(last.attempted.outcome.kind);
          break;
        case 'go-back':
          preferredId = this.recovery.formerOf(course, last.account);
          course.isRecovering = true;
          break;
        case 'pass-on':
          return { kind: 'pass-on', tried: last, lease: lease.handOver() };
        case 'give-up':
          preferredId = await this.withoutForeign(course);
          if (preferredId === null) return { kind: 'dead-end', tried: last };
          break;
        case 'stop':
          return { kind: 'client-gone' };
        default:
          last.verdict satisfies never;
      }
    }
  }

  private nobody({ request }: Course, last: Tried | null): LoopEnd {
    return request.gone.aborted ? { kind: 'client-gone' } : { kind: 'dead-end', tried: last };
  }

  /** Where nobody is left, the account that has refused foreign content alone may do without it. */
  private async choose(
    course: Course,
    preferredId: string | null,
  ): Promise<Exclude<Choice, { kind: 'full' }>> {
    const choice = await this.chooser.choose(course, preferredId);
    if (choice.kind !== 'none') return choice;
    const refuserId = await this.withoutForeign(course);
    return refuserId === null ? choice : await this.chooser.choose(course, refuserId);
  }

  /** Makes the request ready for the account that has refused its foreign content; null where that is no way. */
  private async withoutForeign(course: Course): Promise<string | null> {
    const refuser = course.refusedBody?.account ?? null;
    if (refuser === null || course.stripped !== null) return null;
    if (!(await this.recovery.strips(course, refuser))) return null;
    course.tried.delete(refuser.id);
    course.isRecovering = true;
    return refuser.id;
  }

  private leave({ request, refusedBody }: Course, last: Tried, next: Account): void {
    const { account, attempted } = last;
    this.logger.warn('attempt failed over', {
      request: request.id,
      from: account.name,
      to: next.name,
      outcome: attempted.outcome.kind,
    });
    if (attempted.answer !== null && refusedBody?.attempted !== attempted) discard(attempted.answer.response);
  }
}
