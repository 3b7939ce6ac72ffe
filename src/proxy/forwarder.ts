import type { ServerResponse } from 'node:http';
import { Injectable, Logger } from '@nestjs/common';
import { AccountSelector, type Choice } from '../accounts/account-selector.js';
import type { Account } from '../accounts/account.js';
import { AccountEffects } from './account-effects.js';
import { AccountTries, type Tried } from './account-tries.js';
import type { Attempted } from './attempts.js';
import { Course } from './course.js';
import type { DecisionRecord } from './decision-record.js';
import { EmptyPoolAnswer } from './empty-pool-answer.js';
import { discard } from './held-answer.js';
import type { ProxyRequest } from './proxy-request.js';
import { ResponseCommit } from './response-commit.js';

/** The attempt loop: one client request, one upstream attempt at a time, one answer. */
@Injectable()
export class Forwarder {
  private readonly logger = new Logger(Forwarder.name);

  constructor(
    private readonly selector: AccountSelector,
    private readonly tries: AccountTries,
    private readonly effects: AccountEffects,
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
    const ownerId = this.effects.ownerOf(request);
    let last: Tried | null = null;
    for (;;) {
      const choice = await this.choose(request, ownerId, course.tried);
      decision.considered(choice.considered);
      if (choice.kind === 'none') return await this.deadEnd(course, last);
      using lease = choice.lease;
      if (last !== null) this.leave(last, lease.account, request);
      last = await this.tries.run(course, lease.account, choice.by);
      const { attempted, verdict, account } = last;
      if (verdict === 'failover') {
        course.movedFor.add(attempted.outcome.kind);
      } else if (verdict === 'pass-on' && attempted.answer !== null) {
        return await this.passOn(course, account, attempted);
      } else if (verdict === 'stop') {
        return decision.end('client gone', 499);
      } else {
        return await this.deadEnd(course, last);
      }
    }
  }

  /** Where every account is known to refuse the model, upstream is asked again, for its own words. */
  private async choose(
    request: ProxyRequest,
    ownerId: string | null,
    tried: ReadonlySet<string>,
  ): Promise<Choice> {
    const { sessionKey } = request;
    const model = this.selector.knowsModelRefusals() ? await request.model() : null;
    const choice = this.selector.choose({ sessionKey, model, ownerId, tried });
    if (choice.kind === 'leased' || model === null || tried.size > 0) return choice;
    return this.selector.choose({ sessionKey, model: null, ownerId, tried });
  }

  private async passOn(
    { request, res, decision }: Course,
    account: Account,
    attempted: Attempted,
  ): Promise<void> {
    if (attempted.answer === null) return;
    const relayed = await this.commit.turn(request, res, account, { ...attempted, answer: attempted.answer });
    decision.used(relayed);
    decision.end(relayed.end, attempted.answer.response.statusCode ?? null);
  }

  /** Whether upstream's last answer is a better word than ours: there is nobody left who might do better. */
  private async speaksForItself({ request, tried }: Course, { attempted }: Tried): Promise<boolean> {
    if (attempted.outcome.kind === 'overloaded') return true;
    if (attempted.outcome.kind !== 'not-entitled') return false;
    const model = await request.model();
    if (model === null) return true; // its refusal cannot be remembered: a repeat would go the same way
    const considered = this.selector.consider(model);
    return !considered.some((it) => it.unavailable === null && !tried.has(it.account.id));
  }

  private leave(last: Tried, next: Account, request: ProxyRequest): void {
    const { account, attempted } = last;
    this.logger.warn('attempt failed over', {
      request: request.id,
      from: account.name,
      to: next.name,
      outcome: attempted.outcome.kind,
    });
    if (attempted.answer !== null) discard(attempted.answer.response);
  }

  /** Nobody else can serve: upstream's own answer where that is the better word, else one of ours. */
  private async deadEnd(course: Course, last: Tried | null): Promise<void> {
    const { request, res, decision, tried } = course;
    if (last !== null && last.attempted.answer !== null && (await this.speaksForItself(course, last))) {
      return await this.passOn(course, last.account, last.attempted);
    }
    if (last?.attempted.answer != null) discard(last.attempted.answer.response);
    this.emptyPool.send(request, res, tried, last?.attempted.outcome.kind ?? null, decision);
  }
}
