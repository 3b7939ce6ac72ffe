import { Injectable } from '@nestjs/common';
import type { Account } from '../../accounts/account.js';
import type { RequestRecord } from '../failover/request-record.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { AttemptRunner } from '../upstream/attempt-runner.js';
import type { Attempted } from '../upstream/attempted.js';
import type { Destination } from '../upstream/request-builder.js';
import { discard } from '../upstream/response-peek.js';

/** Attempts on one account outside the attempt loop. Each is recorded with the reason for it. */
@Injectable()
export class RecordedAttempts {
  constructor(private readonly runner: AttemptRunner) {}

  /** Makes one attempt. `rejected`: a token that upstream has just rejected; another one is sent. */
  async once(
    request: ProxyRequest,
    account: Account,
    to: Destination,
    record: RequestRecord,
    reason: string,
    rejected: Attempted['token'] = null,
  ): Promise<Attempted> {
    const attempted = await this.runner.attempt(request, account, to, rejected);
    record.attempted(account, reason, attempted);
    return attempted;
  }

  /** Makes one attempt, and a second one with a renewed token if upstream rejects the first with 401. */
  async withRefresh(
    request: ProxyRequest,
    account: Account,
    to: Destination,
    record: RequestRecord,
    reason: string,
  ): Promise<{ readonly attempted: Attempted; readonly hasRefreshed: boolean }> {
    const first = await this.once(request, account, to, record, reason);
    const isRejected = first.outcome.kind === 'unauthorized' && first.token !== null;
    if (!isRejected || !request.isReplayable) return { attempted: first, hasRefreshed: false };
    if (first.peeked !== null) discard(first.peeked.response);
    const second = await this.once(request, account, to, record, 'refresh', first.token);
    return { attempted: second, hasRefreshed: true };
  }
}
