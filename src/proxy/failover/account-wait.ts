import { Inject, Injectable } from '@nestjs/common';
import {
  AccountSelector,
  type Choice,
  type ConsideredCandidate,
} from '../../accounts/selection/account-selector.js';
import type { Account } from '../../accounts/account.js';
import type { RequestNeeds } from '../../accounts/evidence/refusal-scope.js';
import { waitForAny } from '../../accounts/wait-queue.js';
import { limits } from '../../config/limits.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import type { FailoverContext } from './failover-context.js';
import { endsByPerson } from '../../accounts/unavailable.js';

/** Chooses the next account of a request. If accounts are merely full, it waits for one, up to `limits.fullAccountMs`. */
@Injectable()
export class AccountWait {
  constructor(
    private readonly selector: AccountSelector,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Returns the choice. `preferredId`: identity of the account to try before all others; null if none. */
  async choose(
    context: FailoverContext,
    preferredId: string | null,
  ): Promise<Exclude<Choice, { kind: 'full' }>> {
    const { request, tried, soleId, feature } = context;
    const until = performance.now() + limits.fullAccountMs;
    const { sessionKey } = request;
    const selection = { sessionKey, pinnedTo: preferredId, soleId, tried, feature, isTurn: context.isTurn };
    for (;;) {
      const { model } = await this.needsOf(context);
      const left = context.isPatient && !request.gone.aborted ? until - performance.now() : 0;
      const isPatient = left > 0;
      let choice = this.selector.choose({ ...selection, model, isPatient });
      // If every account is known to refuse the model, ask upstream again: the client gets upstream's own words.
      if (choice.kind === 'none' && model !== null && tried.size === 0 && !mayServeLater(choice.candidates))
        choice = this.selector.choose({ ...selection, model: null, isPatient });
      if (choice.kind !== 'full') return choice;
      await waitForAny(
        choice.accounts.map((it) => it.waiters),
        Math.min(left, this.untilNextPauseEnds(choice.candidates)),
        request.gone,
      );
      if (performance.now() >= until) context.stopWaiting(); // a request waits once
    }
  }

  /** Time until the first pause with an end is over, ms. Nothing else would wake a request that waits then. */
  private untilNextPauseEnds(candidates: readonly ConsideredCandidate[]): number {
    const now = this.clock.now();
    const ends = candidates.map(({ unavailable: out }) => (out?.reason === 'paused' ? out.until : null));
    return ends.reduce<number>((least, it) => Math.min(least, it === null ? Infinity : it - now), Infinity);
  }

  /** The needs of a request. Its model is null while it does not matter to the choice, so that no body is read. */
  async needsOf(context: FailoverContext): Promise<RequestNeeds> {
    return {
      model: this.selector.dependsOnModel() ? await context.model() : null,
      feature: context.feature,
    };
  }

  /** Whether this account may serve the request now. */
  isAvailable(account: Account, needs: RequestNeeds): boolean {
    return this.selector.whyUnavailable(account, needs) === null;
  }

  /** Whether an account may still serve this model: an untried one now, or any after its cooldown. */
  isAnyLeft(
    { tried, soleId, feature }: Pick<FailoverContext, 'tried' | 'soleId' | 'feature'>,
    model: string,
  ): boolean {
    const candidates = this.selector.assess({ model, feature }, soleId);
    // An account that was tried and is cooling down may serve the client's next try.
    return mayServeLater(candidates.filter((it) => it.unavailable !== null || !tried.has(it.account.id)));
  }
}

/** Whether any candidate is free, or will be without a person's help. */
export function mayServeLater(candidates: readonly ConsideredCandidate[]): boolean {
  return candidates.some(
    ({ unavailable }) =>
      unavailable === null || (unavailable.reason !== 'not-entitled' && !endsByPerson(unavailable)),
  );
}
