import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { Account } from '../../accounts/account.js';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { limits } from '../../config/limits.js';
import { OutcomeRecorder } from './outcome-recorder.js';
import type { Destination } from '../upstream/request-builder.js';
import { AttemptRunner } from '../upstream/attempt-runner.js';
import { type Attempted, releaseAttempt } from '../upstream/attempted.js';
import type { AccountResult, FailoverContext } from './failover-context.js';
import { decide } from './failover-policy.js';
import { CrossAccountRecovery } from './cross-account-recovery.js';
import { Pinning } from './pinning.js';

/** Makes all attempts on one account: the first one, those after a refresh or a fault, and those of a recovery. */
@Injectable()
export class SameAccountRetry {
  constructor(
    private readonly runner: AttemptRunner,
    private readonly recorder: OutcomeRecorder,
    private readonly recovery: CrossAccountRecovery,
    private readonly pinning: Pinning,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  /** Resolves with the last attempt, when another one on this account would not help. */
  async run(context: FailoverContext, account: Account, chosenBy: string): Promise<AccountResult> {
    const { request, record } = context;
    let by = chosenBy;
    let hasRefreshed = false;
    let hasRetried = false;
    let rejected: Attempted['token'] = null;
    for (;;) {
      const attempted = await this.runner.attempt(
        request,
        account,
        this.destination(context, account),
        rejected,
      );
      record.attempted(account, by, attempted);
      await this.recorder.apply(context, account, attempted, hasRefreshed);
      const isRejected = attempted.outcome.kind === 'unauthorized' && !hasRefreshed;
      if (isRejected && !request.isReplayable) this.runner.renew(account, attempted.token); // for the next request
      const isCrossAccount = attempted.outcome.kind === 'cross-account-content' && request.isReplayable;
      const verdict = decide(attempted.outcome, {
        attemptsLeft: context.attemptsLeft(this.config.maxAttempts),
        isReplayable: request.isReplayable,
        hasRefreshed,
        hasRetried,
        hasRetriedReused: context.hasRetriedReused,
        recovery: isCrossAccount ? await this.recovery.next(context, account) : null,
        hasMovedFor: (kind) => context.hasMovedFor(kind),
        hasBeenForbidden: (code) => context.hasBeenForbidden(code),
      });
      const isKept = isCrossAccount && context.rememberRefusal(account, attempted);
      if (
        verdict !== 'refresh' &&
        verdict !== 'retry' &&
        verdict !== 'retry-at-once' &&
        verdict !== 'strip'
      ) {
        return { account, attempted, verdict };
      }
      by = verdict;
      // Messages of the failed turn may follow on its socket, so the next attempt takes another one.
      if (attempted.socket !== null) context.leaveSocket(attempted.socket.upstream);
      if (!isKept) releaseAttempt(attempted);
      if (verdict === 'refresh') {
        hasRefreshed = true;
        rejected = attempted.token;
      } else if (verdict === 'retry-at-once') {
        context.retryReused();
      } else if (verdict === 'retry') {
        hasRetried = true;
        context.spend();
        await pauseUnless(request.gone, limits.sameAccountPauseMs);
      }
    }
  }

  private destination(
    { request, path, strippedBody, socket, carrier }: FailoverContext,
    account: Account,
  ): Destination {
    return {
      base: 'responses',
      path,
      isTurn: true,
      socket: socket === null ? null : { carrier, onSent: socket.onSent },
      // Without `accept-encoding`, the response is not compressed and can be read.
      without: ['accept-encoding', ...this.pinning.crossAccountHeaders(request, account)],
      bodyInstead: strippedBody,
      withinMs: null,
    };
  }
}

async function pauseUnless(gone: AbortSignal, ms: number): Promise<void> {
  try {
    await pause(ms, undefined, { signal: gone });
  } catch {
    // the client has left; the next attempt will notice
  }
}
