import type { ServerResponse } from 'node:http';
import { Injectable, Logger } from '@nestjs/common';
import type { Choice } from '../accounts/account-selector.js';
import type { Account } from '../accounts/account.js';
import { AccountChooser } from './account-chooser.js';
import { AccountEffects } from './account-effects.js';
import { AccountTries, type Tried } from './account-tries.js';
import { Course } from './course.js';
import type { DecisionRecord } from './decision-record.js';
import { EmptyPoolAnswer } from './empty-pool-answer.js';
import { ForeignRecovery } from './foreign-recovery.js';
import { discard } from './held-answer.js';
import type { ProxyRequest } from './proxy-request.js';
import { ResponseCommit } from './response-commit.js';

/** The attempt loop: one client request, one upstream attempt at a time, one answer. */
@Injectable()
export class Forwarder {
  private readonly logger = new Logger(Forwarder.name);

  constructor(
    private readonly chooser: AccountChooser,
    private readonly tries: AccountTries,
    private readonly effects: AccountEffects,
    private readonly recovery: ForeignRecovery,
    private readonly commit: ResponseCommit,
    private readonly emptyPool: EmptyPoolAnswer,
  ) {}

  /** Serves a turn (or an image) with failover. Resolves when the client's answer has ended. */
  async serve(
    request: ProxyRequest,
    res: ServerResponse,
    path: string,
    decision: DecisionRecord,
  ): Promise<void> {
    const course = new Course(request, res, path, decision);
    let preferredId = this.effects.ownerOf(request);
    let last: Tried | null = null;
    for (;;) {
      const choice = await this.choose(course, preferredId);
      decision.considered(choice.considered);
      if (choice.kind === 'none') return await this.deadEnd(course, last);
      using lease = choice.lease;
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
          return await this.passOn(course, last);
        case 'give-up':
          return await this.deadEnd(course, last);
        case 'stop':
          return decision.end('client gone', 499);
        default:
          last.verdict satisfies never;
      }
    }
  }

  /** Where nobody is left, the account that has refused foreign content alone may do without it. */
  private async choose(
    course: Course,
    preferredId: string | null,
  ): Promise<Exclude<Choice, { kind: 'full' }>> {
    const choice = await this.chooser.choose(course, preferredId);
    const refuser = course.refusedBody?.account ?? null;
    if (choice.kind !== 'none' || refuser === null || course.stripped !== null) return choice;
    if (!(await this.recovery.strips(course, refuser))) return choice;
    course.tried.delete(refuser.id);
    course.isRecovering = true;
    return await this.chooser.choose(course, refuser.id);
  }

  private async passOn(course: Course, last: Tried): Promise<void> {
    const { request, res, decision } = course;
    const { account, attempted } = this.bestWord(course, last);
    const { answer } = attempted;
    if (answer === null) return await this.deadEnd(course, last);
    const relayed = await this.commit.turn(request, res, account, { ...attempted, answer });
    this.effects.ended(account, attempted.outcome, relayed.end);
    decision.used(relayed);
    decision.end(relayed.end, answer.response.statusCode ?? null);
  }

  /** Upstream's refusal of the client's own body rather than one of a body that the client does not know. */
  private bestWord({ refusedBody }: Course, last: Tried): Tried {
    const { kind } = last.attempted.outcome;
    if (refusedBody === null || refusedBody.attempted === last.attempted) return last;
    const isRefusedAgain = kind !== 'committed' && kind !== 'turn-failed';
    const [best, other] = isRefusedAgain ? [refusedBody, last] : [last, refusedBody];
    if (other.attempted.answer !== null) discard(other.attempted.answer.response);
    return best;
  }

  /** Whether upstream's last answer is a better word than ours: there is nobody left who might do better. */
  private async speaksForItself(course: Course, { attempted }: Tried): Promise<boolean> {
    if (course.refusedBody !== null || attempted.outcome.kind === 'overloaded') return true;
    if (attempted.outcome.kind !== 'not-entitled') return false;
    const model = await course.request.model();
    // Without a model its refusal cannot be remembered: a repeat would go the same way.
    return model === null || !this.chooser.isAnyLeft(course, model);
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

  /** Nobody else can serve: upstream's own answer where that is the better word, else one of ours. */
  private async deadEnd(course: Course, last: Tried | null): Promise<void> {
    const { request, res, decision, tried } = course;
    if (last !== null && (await this.speaksForItself(course, last))) {
      const best = this.bestWord(course, last);
      if (best.attempted.answer !== null) return await this.passOn(course, best);
    }
    if (last?.attempted.answer != null) discard(last.attempted.answer.response);
    this.emptyPool.send(request, res, tried, last?.attempted.outcome.kind ?? null, decision);
  }
}
