import { Injectable } from '@nestjs/common';
import type { Account } from '../../accounts/account.js';
import type { Secret } from '../../runtime/secret.js';
import type { RequestRecord } from '../failover/request-record.js';
import type { ProxyRequest } from '../request/proxy-request.js';
import { AttemptRunner } from '../upstream/attempt-runner.js';
import type { Attempted } from '../upstream/attempted.js';
import type { Destination } from '../upstream/request-builder.js';
import { discard } from '../upstream/response-peek.js';

/** An attempt, and whether its token had already been renewed. */
export interface RefreshedAttempt {
  readonly attempted: Attempted;
  /**
   * Upstream got a token that had been renewed after a 401, now or for an earlier request. A 401 then concerns the
   * route (such as a connector that requires a login of its own), not the account.
   */
  readonly hasRefreshed: boolean;
}

/** Attempts on one account outside the attempt loop. Each is recorded with the reason for it. */
@Injectable()
export class RecordedAttempts {
  /** The token of each account that was rejected although it had just been renewed. Another refresh would not help. */
  private readonly rejectedInVain = new WeakMap<Account, Secret>();

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

  /**
   * Makes one attempt, and a second one with a renewed token if upstream rejects the first with 401. Does not renew a
   * token that was already renewed and that a route still rejects.
   */
  async withRefresh(
    request: ProxyRequest,
    account: Account,
    to: Destination,
    record: RequestRecord,
    reason: string,
  ): Promise<RefreshedAttempt> {
    const first = await this.once(request, account, to, record, reason);
    if (first.outcome.kind !== 'unauthorized' || first.token === null)
      return { attempted: first, hasRefreshed: false };
    if (this.rejectedInVain.get(account)?.equals(first.token) === true)
      return { attempted: first, hasRefreshed: true };
    if (!request.isReplayable) return { attempted: first, hasRefreshed: false };
    if (first.peeked !== null) discard(first.peeked.response);
    const second = await this.once(request, account, to, record, 'refresh', first.token);
    if (second.outcome.kind === 'unauthorized' && second.token !== null)
      this.rejectedInVain.set(account, second.token);
    return { attempted: second, hasRefreshed: true };
  }
}
