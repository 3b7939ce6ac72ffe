import { Inject, Injectable } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { QuotaService } from '../../usage/quota.service.js';
import { AccountRegistry } from '../account-registry.js';
import type { Account } from '../account.js';
import { SessionAffinity } from './session-affinity.js';
import { type Unavailable, whyUnavailable } from '../availability.js';
import { Lease } from '../lease.js';
import { planCapacity } from '../plan-capacity.js';
import { type SelectionPolicy, selectionPolicies } from './selection-policy.js';

/** What a request wants of an account. */
export interface SelectionRequest {
  readonly sessionKey: string | null;
  readonly model: string | null;
  /** Identity of the account that issued something this request continues, or null. */
  readonly pinnedTo: string | null;
  /** Identity of the only account that can serve it, or null: then no other is considered. */
  readonly soleId: string | null;
  /** Identities of accounts that this request has already tried. */
  readonly tried: ReadonlySet<string>;
  /** Whether the request would rather wait for an account that is full than go elsewhere. */
  readonly isPatient: boolean;
}

/** One account as it stood in a choice: null means that it could have served. */
export interface ConsideredCandidate {
  readonly account: Account;
  readonly unavailable: Unavailable | null;
}

export type Choice =
  | {
      readonly kind: 'leased';
      readonly lease: Lease;
      readonly by: 'pinned' | 'affinity' | 'policy';
      /** Its session belongs to an account that is full at the moment, and stays there. */
      readonly isOverflow: boolean;
      readonly candidates: readonly ConsideredCandidate[];
    }
  /** What the request wants is full: these are worth waiting for. */
  | {
      readonly kind: 'full';
      readonly accounts: readonly Account[];
      readonly candidates: readonly ConsideredCandidate[];
    }
  | { readonly kind: 'none'; readonly candidates: readonly ConsideredCandidate[] };

/** Chooses the account of a request: owner, then affinity, then policy; and leases it. */
@Injectable()
export class AccountSelector {
  private readonly policy: SelectionPolicy;

  constructor(
    private readonly registry: AccountRegistry,
    private readonly affinity: SessionAffinity,
    private readonly quota: QuotaService,
    @Inject(APP_CONFIG) config: AppConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.policy = selectionPolicies[config.policy]();
  }

  /** Why this account may not serve now; null when it may. */
  whyUnavailable(account: Account, model: string | null = null): Unavailable | null {
    const { storedCredential } = account;
    return whyUnavailable(
      {
        withdrawal: account.withdrawal,
        settings: account.settings,
        refresh: storedCredential.refresh,
        tokenEndsAt: account.tokenEndsAt,
        evidence: account.evidence,
        windows: this.quota.windows(account.id),
        inFlight: account.inFlight,
      },
      model,
      this.clock.now(),
    );
  }

  /** All accounts, or the only one that can serve, each with why it may not serve. */
  assess(model: string | null = null, soleId: string | null = null): ConsideredCandidate[] {
    return this.registry
      .list()
      .filter((it) => soleId === null || it.id === soleId)
      .map((account) => ({ account, unavailable: this.whyUnavailable(account, model) }));
  }

  choose(selection: SelectionRequest): Choice {
    const candidates = this.assess(selection.model, selection.soleId);
    const untried = candidates.filter((it) => !selection.tried.has(it.account.id));
    const free = this.preferred(
      selection,
      untried.filter((it) => it.unavailable === null).map((it) => it.account),
    );
    const full = untried.filter((it) => it.unavailable?.reason === 'full').map((it) => it.account);
    const boundTo = selection.sessionKey === null ? null : this.affinity.find(selection.sessionKey);
    const tentative = selection.sessionKey === null ? null : this.affinity.tentative(selection.sessionKey);
    for (const [by, id] of [
      ['pinned', selection.soleId ?? selection.pinnedTo],
      ['affinity', boundTo],
      ['affinity', tentative],
    ] as const) {
      const account = free.find((it) => it.id === id);
      const isOverflow = id !== boundTo && full.some((it) => it.id === boundTo);
      if (account !== undefined) return this.leased(account, by, selection, isOverflow, candidates);
      const isFull = full.filter((it) => it.id === id);
      if (selection.isPatient && isFull.length > 0) return { kind: 'full', accounts: isFull, candidates };
    }
    const [first, ...others] = free;
    if (first === undefined) {
      return selection.isPatient && full.length > 0
        ? { kind: 'full', accounts: full, candidates }
        : { kind: 'none', candidates };
    }
    const isOverflow = full.some((it) => it.id === boundTo);
    return this.leased(this.byPolicy([first, ...others]), 'policy', selection, isOverflow, candidates);
  }

  /** Whether any account is known to refuse a model: only then the model of a request matters to the choice. */
  knowsModelRefusals(): boolean {
    const now = this.clock.now();
    return this.registry
      .list()
      .some((it) => [...it.evidence.modelRefusals.values()].some((until) => until > now));
  }

  /** The available account of the largest plan, for what is the same on all accounts; null when none is. */
  largestPlan(): Account | null {
    let largest: Account | null = null;
    for (const { account, unavailable } of this.assess()) {
      if (unavailable !== null && !hasNoQuota(unavailable)) continue;
      if (largest === null || planCapacity(account.plan) > planCapacity(largest.plan)) largest = account;
    }
    return largest;
  }

  /**
   * The account whose identity a client without a session works under: the one whose id it sends, if that
   * is in the pool; else the first by name that is not paused (and can log in, if one can).
   */
  home(clientAccountId: string | null): Account | null {
    const own = clientAccountId === null ? null : this.registry.findByAccountId(clientAccountId);
    if (own !== null) return own;
    const usable = this.registry.list().filter((it) => it.withdrawal === null && !it.settings.isPaused);
    const now = this.clock.now();
    return usable.find((it) => !it.needsLogin(now)) ?? usable[0] ?? null;
  }

  /** Without the account that has just failed a turn of the session, unless it is the only one left or wanted. */
  private preferred(
    { sessionKey, soleId, pinnedTo }: SelectionRequest,
    free: readonly Account[],
  ): readonly Account[] {
    const avoidedId = sessionKey === null ? null : this.affinity.avoided(sessionKey);
    if (avoidedId === null || avoidedId === (soleId ?? pinnedTo)) return free;
    const others = free.filter((it) => it.id !== avoidedId);
    return others.length === 0 ? free : others;
  }

  private byPolicy(accounts: readonly [Account, ...Account[]]): Account {
    const candidate = (account: Account) => ({
      account,
      name: account.name,
      inFlight: account.inFlight,
      priority: account.settings.priority,
      capacity: planCapacity(account.plan),
      windows: this.quota.windows(account.id),
    });
    const [first, ...others] = accounts;
    return this.policy([candidate(first), ...others.map(candidate)], this.clock.now()).account;
  }

  private leased(
    account: Account,
    by: 'pinned' | 'affinity' | 'policy',
    selection: SelectionRequest,
    isOverflow: boolean,
    candidates: readonly ConsideredCandidate[],
  ): Choice {
    // Parallel requests of a session whose account is out move together; one that is only full keeps it.
    if (selection.sessionKey !== null && !isOverflow) this.affinity.claim(selection.sessionKey, account.id);
    return { kind: 'leased', lease: new Lease(account), by, isOverflow, candidates };
  }
}

/** Out for its quota alone: what costs none it can still be asked. */
export function hasNoQuota({ reason }: Unavailable): boolean {
  return reason === 'quota-exhausted' || reason === 'reserved';
}
