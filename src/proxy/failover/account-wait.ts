import { Injectable } from '@nestjs/common';
import {
  AccountSelector,
  type Choice,
  type ConsideredCandidate,
} from '../../accounts/selection/account-selector.js';
import { calledOrOver } from '../../accounts/wait-queue.js';
import { limits } from '../../config/limits.js';
import type { FailoverContext } from './failover-context.js';
import { needsPerson } from '../../accounts/availability.js';

/** Chooses the next account of a request; one that is only full is waited for, for a while. */
@Injectable()
export class AccountWait {
  constructor(private readonly selector: AccountSelector) {}

  /** `preferredId`: the account that is to be asked before all others; null for none. */
  async choose(
    context: FailoverContext,
    preferredId: string | null,
  ): Promise<Exclude<Choice, { kind: 'full' }>> {
    const { request, tried, soleId } = context;
    const until = performance.now() + limits.fullAccountMs;
    const selection = { sessionKey: request.sessionKey, pinnedTo: preferredId, soleId, tried };
    for (;;) {
      const model = this.selector.knowsModelRefusals() ? await context.model() : null;
      const left = context.isPatient && !request.gone.aborted ? until - performance.now() : 0;
      const isPatient = left > 0;
      let choice = this.selector.choose({ ...selection, model, isPatient });
      // Where every account is known to refuse the model, upstream is asked again, for its own words.
      if (choice.kind === 'none' && model !== null && tried.size === 0 && !mayServeLater(choice.candidates))
        choice = this.selector.choose({ ...selection, model: null, isPatient });
      if (choice.kind !== 'full') return choice;
      await calledOrOver(
        choice.accounts.map((it) => it.waiters),
        left,
        request.gone,
      );
      if (performance.now() >= until) context.isPatient = false; // once is enough for one request
    }
  }

  /** Whether it matters which model is asked for. */
  isAnyRefusing(): boolean {
    return this.selector.knowsModelRefusals();
  }

  /** Whether an account that was not tried may serve this model, now or once it has rested. */
  isAnyLeft({ tried, soleId }: FailoverContext, model: string): boolean {
    const candidates = this.selector.assess(model, soleId);
    // One that was tried and rests since may serve the client's next try.
    return mayServeLater(candidates.filter((it) => it.unavailable !== null || !tried.has(it.account.id)));
  }
}

/** Whether any of them is free, or only rests. */
export function mayServeLater(candidates: readonly ConsideredCandidate[]): boolean {
  return candidates.some(
    ({ unavailable }) =>
      unavailable === null || (unavailable.reason !== 'not-entitled' && !needsPerson.has(unavailable.reason)),
  );
}
