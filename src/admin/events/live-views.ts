import { Injectable } from '@nestjs/common';
import { AccountRegistry } from '../../accounts/account-registry.js';
import { limits } from '../../config/limits.js';
import { Logins } from '../../login/logins.js';
import { type RequestEntry, RequestLog } from '../../observability/request-log.js';
import { AccountViews } from '../accounts/account-views.js';
import type { AccountView } from '../../api/account.js';
import { listedRequest } from '../listed-request.js';
import { loginView } from '../login-view.js';
import type { LiveView } from './live-view.js';
import { SummarySource } from './summary-source.js';

/** Builds what the event stream shows. */
@Injectable()
export class LiveViews {
  constructor(
    private readonly accounts: AccountViews,
    private readonly registry: AccountRegistry,
    private readonly requests: RequestLog,
    private readonly logins: Logins,
    private readonly summary: SummarySource,
  ) {}

  /** Differs from an earlier value if a turn, or an account by more than time or quota, has changed since. */
  get version(): number {
    return this.registry.version + this.requests.version;
  }

  /** Returns the view of now. Requests that ran in the view `before` are in it, however old they are. */
  build(before: LiveView | null): LiveView {
    return {
      summary: this.summary.summary(),
      accounts: firstByName(this.accounts.all()),
      requests: this.requestsAfter(before),
      logins: this.logins.list().map(loginView),
    };
  }

  /** Returns the newest requests, and older ones that run or have run in the view `before`, up to a bound. */
  private requestsAfter(before: LiveView | null): RequestEntry[] {
    const ran = new Set(before?.requests.filter((it) => it.endedAt === null).map((it) => it.id));
    return this.requests
      .list()
      .filter((it, index) => index < limits.eventRequests || it.endedAt === null || ran.has(it.id))
      .slice(0, limits.eventRequests + limits.eventRunningRequests)
      .map(listedRequest);
  }
}

/** Leaves one account for each name: an account without a file may end its turns while another one uses its name. */
function firstByName(views: readonly AccountView[]): AccountView[] {
  const byName = new Map<string, AccountView>();
  for (const it of views) {
    const isLeaving = it.reason === 'removed' || it.reason === 'broken-file';
    if (!isLeaving || !byName.has(it.name)) byName.set(it.name, it);
  }
  return [...byName.values()];
}
