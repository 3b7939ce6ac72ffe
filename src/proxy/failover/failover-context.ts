import type { Account } from '../../accounts/account.js';
import type { Attempted } from '../upstream/attempt-runner.js';
import type { Verdict } from './failover-policy.js';
import { AttemptBudget } from './attempt-budget.js';
import type { AttemptOutcome } from '../upstream/outcome.js';
import type { RequestRecord } from './request-record.js';
import type { ProxyRequest } from '../request/proxy-request.js';

/** How the attempts on one account ended. */
export interface AccountResult {
  readonly account: Account;
  readonly attempted: Attempted;
  readonly verdict: Exclude<Verdict, SameAccount>;
}

/** Verdicts after which the same account is tried again. */
type SameAccount = 'refresh' | 'retry' | 'retry-at-once' | 'strip';

/** A client's request on its way: what is asked, and what it has been through. */
export class FailoverContext {
  readonly tried = new Set<string>();
  readonly movedFor = new Set<AttemptOutcome['kind']>();
  readonly budget = new AttemptBudget();
  hasRetriedReused = false;
  /** Whether it would still wait for an account that is full. */
  isPatient = true;
  /** It goes elsewhere only because its session's account is full at the moment. */
  isOverflow = false;
  /** The next account is part of the recovery, and so free of the budget. */
  isRecovering = false;
  /** The body without what upstream has refused as foreign, once it was taken out. */
  stripped: Buffer | null = null;
  /** Upstream's word on the body as the client has sent it: the answer where no recovery helps. */
  refusedBody: AccountResult | null = null;

  constructor(
    readonly request: ProxyRequest,
    /** Path below upstream's base address, without leading slash and query. */
    readonly path: string,
    readonly decision: RequestRecord,
    /** Identity of the only account that can serve it; null when any may. */
    readonly soleId: string | null,
    /** The WebSocket that is asked for in place of an answer, and the model that its turn is about; null for an answer. */
    readonly socket: { readonly model: string | null } | null = null,
  ) {}

  /** The model that is asked for; null when none is named. */
  async model(): Promise<string | null> {
    return this.socket === null ? await this.request.model() : this.socket.model;
  }
}
