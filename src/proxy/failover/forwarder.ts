import type { ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import { AccountChooser } from './account-wait.js';
import { AccountEffects } from './outcome-recorder.js';
import type { Account } from '../../accounts/account.js';
import type { Tried } from './same-account-retry.js';
import { AttemptLoop, type LoopEnd } from './attempt-loop.js';
import { Course } from './failover-context.js';
import type { DecisionRecord } from './request-record.js';
import { EmptyPoolAnswer } from './no-account-response.js';
import type { ErrorEnvelope } from '../upstream/error-envelope.js';
import { discard } from '../upstream/response-peek.js';
import { Ownership } from './pinning.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { ResponseCommit } from '../response/response-commit.js';

/** Serves a turn or an image with failover: the attempts, then the one answer that the client gets. */
@Injectable()
export class Forwarder {
  constructor(
    private readonly loop: AttemptLoop,
    private readonly chooser: AccountChooser,
    private readonly effects: AccountEffects,
    private readonly ownership: Ownership,
    private readonly commit: ResponseCommit,
    private readonly emptyPool: EmptyPoolAnswer,
  ) {}

  /** Resolves when the client's answer has ended. */
  async serve(
    request: ProxyRequest,
    res: ServerResponse,
    path: string,
    decision: DecisionRecord,
  ): Promise<void> {
    const soleId = await this.ownership.soleOwner(request, path);
    const course = new Course(request, path, decision, soleId);
    return await this.answer(course, res, await this.loop.run(course));
  }

  /** Gives the client the answer that the attempts have come to. Resolves when that has ended. */
  async answer(course: Course, res: ServerResponse, end: LoopEnd): Promise<void> {
    const { decision } = course;
    if (end.kind === 'client-gone') return decision.end('client gone', 499);
    if (end.kind === 'dead-end') return await this.deadEnd(course, res, end.tried);
    using _lease = end.lease;
    return await this.passOn(course, res, end.tried);
  }

  private async passOn(course: Course, res: ServerResponse, last: Tried): Promise<void> {
    const { request, decision } = course;
    const { account, attempted } = this.bestWord(course, last);
    const { answer } = attempted;
    if (answer === null) return await this.ownAnswer(course, res, last);
    const relayed = await this.commit.turn(request, res, account, { ...attempted, answer }, (id) =>
      this.ownership.made('response', id, account),
    );
    decision.used(relayed);
    const status = answer.response.statusCode ?? null;
    if (relayed.failure !== null) {
      await this.failedLate(course, account, relayed.failure, attempted.startedAt);
      return decision.end('failed', status);
    }
    this.effects.ended(account, attempted.outcome, relayed.end, attempted.startedAt);
    decision.end(relayed.end, status);
  }

  private async failedLate(
    course: Course,
    account: Account,
    failure: ErrorEnvelope,
    startedAt: number,
  ): Promise<void> {
    const outcome = this.effects.outcomeOfLate(failure);
    course.decision.failedLate(outcome.kind);
    const asked = { startedAt, model: outcome.kind === 'not-entitled' ? await course.model() : null };
    this.effects.failedLate(course.request.sessionKey, account, outcome, asked);
  }

  /** Nobody else can serve: upstream's own answer where that is the better word, else one of ours. */
  private async deadEnd(course: Course, res: ServerResponse, last: Tried | null): Promise<void> {
    if (last !== null && (await this.speaksForItself(course, last)))
      return await this.passOn(course, res, last);
    await this.ownAnswer(course, res, last);
  }

  private async ownAnswer(course: Course, res: ServerResponse, last: Tried | null): Promise<void> {
    const { request, tried, decision, soleId } = course;
    for (const it of [last, course.refusedBody])
      if (it?.attempted.answer != null) discard(it.attempted.answer.response);
    const model = this.chooser.isAnyRefusing() ? await course.model() : null;
    this.emptyPool.send(request, res, tried, last?.attempted.outcome.kind ?? null, decision, soleId, model);
  }

  /** Upstream's refusal of the client's own body rather than one of a body that the client does not know. */
  private bestWord({ refusedBody }: Course, last: Tried): Tried {
    if (refusedBody === null || refusedBody.attempted === last.attempted) return last;
    const [best, other] = isOfTheBody(last) ? [refusedBody, last] : [last, refusedBody];
    if (other.attempted.answer !== null) discard(other.attempted.answer.response);
    return best;
  }

  /** Whether upstream's last answer is a better word than ours: there is nobody left who might do better. */
  private async speaksForItself(course: Course, { attempted }: Tried): Promise<boolean> {
    const { kind } = attempted.outcome;
    if (kind === 'overloaded' || kind === 'foreign-content') return true;
    if (kind !== 'not-entitled') return false;
    const model = await course.model();
    // Without a model its refusal cannot be remembered: a repeat would go the same way.
    return model === null || !this.chooser.isAnyLeft(course, model);
  }
}

/** Upstream has read the body, and will not have it. */
function isOfTheBody({ attempted }: Tried): boolean {
  return attempted.outcome.kind === 'foreign-content' || attempted.outcome.kind === 'client-error';
}
