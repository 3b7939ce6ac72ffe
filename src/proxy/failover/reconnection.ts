import { Injectable } from '@nestjs/common';
import { AccountSelector } from '../../accounts/selection/account-selector.js';
import { SessionAffinity } from '../../accounts/selection/session-affinity.js';
import { type AttemptOutcome, retryableElsewhere } from '../outcome/outcome.js';
import type { AccountResult, FailoverContext } from './failover-context.js';

/** Outcomes of a token that was not available. */
const withoutToken: ReadonlySet<AttemptOutcome['kind']> = new Set(['needs-login', 'refresh-failed']);

/**
 * Decides when a client should reconnect and send everything again. The request cannot be sent again from here, because
 * it continues a response that only its socket knows, or because the process had no room to keep it.
 */
@Injectable()
export class Reconnection {
  constructor(
    private readonly selector: AccountSelector,
    private readonly affinity: SessionAffinity,
  ) {}

  /**
   * Before the request is sent: its account has just failed a turn of the session, or pays with credits, and another
   * account can serve; or the operator moves the session to an account that can.
   */
  async isBetterThanSending({ request, soleId, tried }: FailoverContext): Promise<boolean> {
    const { sessionKey, isContinuation } = request;
    if (!isContinuation || soleId === null) return false;
    const needs = { model: await request.model(), feature: null };
    const [own] = this.selector.assess(needs, soleId);
    if (own?.usesCredits === true)
      return this.selector
        .assess(needs)
        .some((it) => it.unavailable === null && !it.isOverQuota && !it.isLastResort);
    const movesTo = sessionKey === null ? null : this.affinity.movesTo(sessionKey);
    if (movesTo !== null && movesTo !== soleId) {
      const [chosen] = this.selector.assess(needs, movesTo);
      if (chosen?.unavailable === null) return true;
    }
    if (sessionKey === null || this.affinity.avoided(sessionKey) !== soleId) return false;
    return this.canAnotherServe(needs.model, new Set([...tried, soleId]));
  }

  /** After the attempts. `last` null: no account could take the request. */
  async isBetterThan(last: AccountResult | null, { request, tried }: FailoverContext): Promise<boolean> {
    if (request.isReplayable) return false;
    const kind = last?.attempted.outcome.kind ?? null;
    if (kind === 'unreachable') return true;
    if (kind !== null && !retryableElsewhere.has(kind) && !withoutToken.has(kind)) return false;
    // A rejected token is renewed meanwhile, so the account itself may serve next.
    return this.canAnotherServe(await request.model(), kind === 'unauthorized' ? new Set() : tried);
  }

  private canAnotherServe(model: string | null, except: ReadonlySet<string>): boolean {
    const candidates = this.selector.assess({ model, feature: null });
    return candidates.some((it) => it.unavailable === null && !except.has(it.account.id));
  }
}
