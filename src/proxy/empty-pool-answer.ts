import type { ServerResponse } from 'node:http';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { AccountSelector } from '../accounts/account-selector.js';
import { CLOCK, type Clock } from '../clock.js';
import type { AttemptOutcome } from './attempt-outcome.js';
import { type Refusal, sendRefusal } from './client-error.js';
import type { DecisionRecord } from './decision-record.js';
import { nobodyCanServe } from './nobody-can-serve.js';
import type { ProxyRequest } from './proxy-request.js';

/** Sends the answer of our own that a client gets when no account can serve it. */
@Injectable()
export class EmptyPoolAnswer {
  private readonly logger = new Logger(EmptyPoolAnswer.name);

  constructor(
    private readonly selector: AccountSelector,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  send(
    request: ProxyRequest,
    res: ServerResponse,
    tried: ReadonlySet<string>,
    lastOutcome: AttemptOutcome['kind'] | null,
    decision: DecisionRecord,
    /** Identity of the only account that could have served it; null when any could. */
    soleId: string | null = null,
  ): void {
    const refusal = this.refusal(request, tried, lastOutcome, soleId);
    this.logger.warn('no account could serve', {
      request: request.id,
      code: refusal.code,
      status: refusal.status,
    });
    sendRefusal(res, { ...refusal, headers: { ...refusal.headers, 'x-codex-pool-request': request.id } });
    decision.end(refusal.code, refusal.status);
  }

  /** The refusal alone, for who is not answered over HTTP. */
  refusal(
    request: ProxyRequest,
    tried: ReadonlySet<string>,
    lastOutcome: AttemptOutcome['kind'] | null,
    soleId: string | null,
  ): Refusal {
    const considered = this.selector.consider(null, soleId);
    const isCodex = request.header('originator') !== null;
    return nobodyCanServe({ considered, tried, lastOutcome, isCodex }, this.clock.now());
  }
}
