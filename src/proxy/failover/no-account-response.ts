import type { ServerResponse } from 'node:http';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { AccountSelector } from '../../accounts/selection/account-selector.js';
import { anyTurn, type RequestNeeds } from '../../accounts/evidence/refusal-scope.js';
import { UpstreamMonitor } from '../../observability/upstream-monitor.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import type { AttemptOutcome } from '../outcome/outcome.js';
import { type LocalResponse, sendLocalResponse } from '../response/local-response.js';
import type { ClientChannel } from '../response/client-channel.js';
import type { RequestRecord } from './request-record.js';
import { whyNoAccount } from './no-account.js';
import type { ProxyRequest } from '../request/proxy-request.js';

/** Sends the local response for a request that no account can serve. */
@Injectable()
export class NoAccountResponse {
  private readonly logger = new Logger(NoAccountResponse.name);

  constructor(
    private readonly selector: AccountSelector,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly upstream: UpstreamMonitor,
  ) {}

  /** Sends the response over HTTP, or to a channel. */
  send(
    request: ProxyRequest,
    to: ServerResponse | ClientChannel,
    tried: ReadonlySet<string>,
    lastOutcome: AttemptOutcome['kind'] | null,
    record: RequestRecord,
    /** Identity of the only account that could have served it; null when any could. */
    soleId: string | null = null,
    /** Accounts that may not use the model do not count as candidates. */
    needs: RequestNeeds = anyTurn,
  ): void {
    const response = this.responseFor(request, tried, lastOutcome, soleId, needs);
    this.logger.warn('no account could serve', {
      request: request.id,
      code: response.code,
      status: response.status,
    });
    const named = {
      ...response,
      headers: { ...response.headers, 'x-codex-pool-request': request.id },
    };
    if ('sendLocal' in to) to.sendLocal(named);
    else sendLocalResponse(to, named);
    record.end(response.code, response.status);
  }

  private responseFor(
    request: ProxyRequest,
    tried: ReadonlySet<string>,
    lastOutcome: AttemptOutcome['kind'] | null,
    soleId: string | null,
    needs: RequestNeeds,
  ): LocalResponse {
    const all = this.selector.assess(needs, soleId);
    const entitled = all.filter((it) => it.unavailable?.reason !== 'not-entitled');
    const candidates = entitled.length === 0 ? all : entitled;
    const isCodex = request.isFromCodex;
    const problem = this.upstream.warning();
    return whyNoAccount({ candidates, all, tried, lastOutcome, isCodex, problem }, this.clock.now());
  }
}
