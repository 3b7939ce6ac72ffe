import type { ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { AccountSelector, type Choice } from '../accounts/account-selector.js';
import type { Account } from '../accounts/account.js';
import { APP_CONFIG, type AppConfig } from '../app.config.js';
import { limits } from '../limits.js';
import { AccountEffects } from './account-effects.js';
import type { AttemptOutcome } from './attempt-outcome.js';
import { Attempts, type Attempted, type Destination } from './attempts.js';
import type { DecisionRecord } from './decision-record.js';
import { EmptyPoolAnswer } from './empty-pool-answer.js';
import { decide, type Verdict } from './failover-policy.js';
import { discard } from './held-answer.js';
import type { ProxyRequest } from './proxy-request.js';
import { ResponseCommit } from './response-commit.js';

/** A client's request on its way: what is asked, where the answer goes, and what it has been through. */
interface Course {
  readonly request: ProxyRequest;
  readonly res: ServerResponse;
  readonly decision: DecisionRecord;
  readonly tried: Set<string>;
  readonly movedFor: Set<AttemptOutcome['kind']>;
  attempts: number;
  hasRetriedReused: boolean;
}

/** How the attempts on one account ended. */
interface Tried {
  readonly account: Account;
  readonly attempted: Attempted;
  readonly verdict: Verdict;
}

/** The attempt loop: one client request, one upstream attempt at a time, one answer. */
@Injectable()
export class Forwarder {
  private readonly logger = new Logger(Forwarder.name);

  constructor(
    private readonly selector: AccountSelector,
    private readonly attempts: Attempts,
    private readonly effects: AccountEffects,
    private readonly commit: ResponseCommit,
    private readonly emptyPool: EmptyPoolAnswer,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  /** Serves a turn (or an image) with failover. Resolves when the client's answer has ended. */
  async serve(
    request: ProxyRequest,
    res: ServerResponse,
    path: string,
    decision: DecisionRecord,
  ): Promise<void> {
    const course: Course = {
      request,
      res,
      decision,
      tried: new Set(),
      movedFor: new Set(),
      attempts: 0,
      hasRetriedReused: false,
    };
    const ownerId = this.effects.ownerOf(request);
    let last: Tried | null = null;
    for (;;) {
      const choice = await this.choose(request, ownerId, course.tried);
      decision.considered(choice.considered);
      if (choice.kind === 'none') return await this.deadEnd(course, last);
      using lease = choice.lease;
      if (last !== null) this.leave(last, lease.account, request);
      last = await this.tryAccount(course, lease.account, choice.by, path);
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

  /** All attempts on one account: the first, the one after a refresh, and the one after a fault. */
  private async tryAccount(course: Course, account: Account, chosenBy: string, path: string): Promise<Tried> {
    const { request, decision } = course;
    const to: Destination = {
      base: 'responses',
      path,
      isTurn: true,
      // Without `accept-encoding` what comes can be read.
      without: ['accept-encoding', ...this.effects.foreignHeaders(request, account)],
      withinMs: null,
    };
    let by = chosenBy;
    let hasRefreshed = false;
    let hasRetried = false;
    let rejected: Attempted['token'] = null;
    course.tried.add(account.id);
    course.attempts += 1;
    for (;;) {
      const attempted = await this.attempts.attempt(request, account, to, rejected);
      decision.attempted(account, by, attempted);
      await this.effects.apply(request, account, attempted);
      if (attempted.outcome.kind === 'unauthorized') {
        if (hasRefreshed) this.effects.rejectedAgain(account);
        else if (!request.isReplayable) this.attempts.renew(account, attempted.token); // for the next request
      }
      const verdict = decide(attempted.outcome, {
        attemptsLeft: this.config.maxAttempts - course.attempts,
        isReplayable: request.isReplayable,
        hasRefreshed,
        hasRetried,
        hasRetriedReused: course.hasRetriedReused,
        hasMovedFor: (kind) => course.movedFor.has(kind),
      });
      if (verdict !== 'refresh' && verdict !== 'retry' && verdict !== 'retry-at-once') {
        return { account, attempted, verdict };
      }
      by = verdict;
      if (attempted.answer !== null) discard(attempted.answer.response);
      if (verdict === 'refresh') {
        hasRefreshed = true;
        rejected = attempted.token;
      } else if (verdict === 'retry-at-once') {
        course.hasRetriedReused = true;
      } else {
        hasRetried = true;
        course.attempts += 1;
        await pauseUnless(request.gone, limits.sameAccountPauseMs);
      }
    }
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

async function pauseUnless(gone: AbortSignal, ms: number): Promise<void> {
  try {
    await pause(ms, undefined, { signal: gone });
  } catch {
    // the client has left; the next step sees it
  }
}
