import { Inject, Injectable } from '@nestjs/common';
import { RuntimeSettings } from '../../config/runtime-settings.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { UpstreamClock } from '../../tokens/upstream-clock.js';
import { QuotaService } from '../../usage/quota.service.js';
import { AccountRegistry } from '../account-registry.js';
import { type Account, isPausedAt } from '../account.js';
import { SessionAffinity } from './session-affinity.js';
import { assess, dependsOnMeter } from '../availability.js';
import { GENERAL_METER } from '../../usage/meter.js';
import { metersFor, namedMeters } from '../request-meters.js';
import type { Assessment, Unavailable } from '../unavailable.js';
import { evidenceIn } from '../evidence/account-evidence.js';
import { anyTurn, type RequestNeeds } from '../evidence/refusal-scope.js';
import { limits } from '../../config/limits.js';
import { Lease } from '../lease.js';
import { planCapacity } from '../plan-capacity.js';
import { selectionPolicies } from './selection-policy.js';

/** The requirements of a request for its account. */
export interface SelectionRequest extends RequestNeeds {
  readonly sessionKey: string | null;
  /** Identity of the account that issued something that this request continues; null if none. */
  readonly pinnedTo: string | null;
  /** Identity of the only account that can serve the request; null if any account can. */
  readonly soleId: string | null;
  /** Identities of the accounts that this request has already tried. */
  readonly tried: ReadonlySet<string>;
  /** Whether the request prefers to wait for a full account over moving to another. */
  readonly isPatient: boolean;
  /** Whether it is a turn, and not a handshake, a prewarm or another request of the session. */
  readonly isTurn: boolean;
}

/** An account considered in a choice. */
export interface ConsideredCandidate extends Assessment {
  readonly account: Account;
}

export type Choice =
  | {
      readonly kind: 'leased';
      readonly lease: Lease;
      readonly by: 'pinned' | 'operator' | 'affinity' | 'policy';
      /** The session's own account is full at the moment; the session stays with it. */
      readonly isOverflow: boolean;
      readonly candidates: readonly ConsideredCandidate[];
    }
  /** The accounts that fit are full; these are worth waiting for. */
  | {
      readonly kind: 'full';
      readonly accounts: readonly Account[];
      readonly candidates: readonly ConsideredCandidate[];
    }
  | { readonly kind: 'none'; readonly candidates: readonly ConsideredCandidate[] };

/** A choice before it is made: nothing is leased. */
type Decision =
  | {
      readonly kind: 'picked';
      readonly account: Account;
      readonly by: 'pinned' | 'operator' | 'affinity' | 'policy';
      readonly isOverflow: boolean;
    }
  | { readonly kind: 'full'; readonly accounts: readonly Account[] }
  | { readonly kind: 'none' };

const newSession: SelectionRequest = {
  ...anyTurn,
  sessionKey: null,
  pinnedTo: null,
  soleId: null,
  tried: new Set(),
  isPatient: true,
  isTurn: true,
};

/** Chooses and leases the account of a request: by pin, then affinity, then policy. */
@Injectable()
export class AccountSelector {
  /** The name of the account that the policy picked last. */
  private lastByPolicy = '';

  constructor(
    private readonly registry: AccountRegistry,
    private readonly affinity: SessionAffinity,
    private readonly quota: QuotaService,
    private readonly settings: RuntimeSettings,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly tokenClock: UpstreamClock,
  ) {}

  /** Returns whether this account may serve a request now. */
  assessOne(account: Account, needs: RequestNeeds = anyTurn): Assessment {
    const quota = this.quota.quota(account.id);
    return assess(
      {
        withdrawal: account.withdrawal,
        settings: account.settings,
        refresh: account.storedCredential.refresh,
        hasTokenEnded: this.tokenClock.hasEnded(account.storedCredential),
        evidence: account.evidence,
        quota,
        inFlight: account.inFlight,
      },
      { ...needs, meters: metersFor(account.evidence, quota, needs.model) },
      this.clock.now(),
    );
  }

  /** Returns why this account may not serve a request now; null if it may. */
  whyUnavailable(account: Account, needs: RequestNeeds = anyTurn): Unavailable | null {
    return this.assessOne(account, needs).unavailable;
  }

  /** Returns all accounts, or only `soleId`, each with the reason why it may not serve. */
  assess(needs: RequestNeeds = anyTurn, soleId: string | null = null): ConsideredCandidate[] {
    return this.registry
      .list()
      .filter((it) => soleId === null || it.id === soleId)
      .map((account) => ({ account, ...this.assessOne(account, needs) }));
  }

  choose(selection: SelectionRequest): Choice {
    const candidates = this.assess(selection, selection.soleId);
    const decision = this.decide(selection, candidates);
    return decision.kind === 'picked'
      ? this.leased(decision, selection, candidates)
      : { ...decision, candidates };
  }

  /** Returns what a new session would get now, of any model. Changes nothing. */
  preview(): {
    readonly decision: 'picked' | 'full' | 'none';
    /** Null unless one is picked. */
    readonly next: ConsideredCandidate | null;
    readonly candidates: readonly ConsideredCandidate[];
  } {
    const candidates = this.assess();
    const decision = this.decide(newSession, candidates);
    const picked = decision.kind === 'picked' ? decision.account : null;
    const next = candidates.find((it) => it.account === picked) ?? null;
    return { decision: decision.kind, next, candidates };
  }

  private decide(selection: SelectionRequest, candidates: readonly ConsideredCandidate[]): Decision {
    return this.decideBound(selection, candidates) ?? this.decideAmong(selection, candidates);
  }

  /** The usual case: the session's account serves, and nothing speaks for another one. Null if it is another case. */
  private decideBound(
    selection: SelectionRequest,
    candidates: readonly ConsideredCandidate[],
  ): Decision | null {
    const { sessionKey, soleId, pinnedTo, tried } = selection;
    if (sessionKey === null || soleId !== null || pinnedTo !== null) return null;
    const boundTo = this.affinity.find(sessionKey);
    if (boundTo === null || tried.has(boundTo) || this.affinity.avoided(sessionKey) === boundTo) return null;
    if (this.affinity.movesTo(sessionKey) !== null) return null;
    const bound = candidates.find((it) => it.account.id === boundTo);
    if (bound === undefined || bound.unavailable !== null) return null;
    if (bound.usesCredits || bound.isLastResort) return null;
    return { kind: 'picked', account: bound.account, by: 'affinity', isOverflow: false };
  }

  private decideAmong(selection: SelectionRequest, candidates: readonly ConsideredCandidate[]): Decision {
    const untried = candidates.filter((it) => !selection.tried.has(it.account.id));
    const available = preferredTo401(untried, selection.isPatient);
    const unpaid = orAll(available, (it) => !it.usesCredits);
    const staying = this.preferred(
      selection,
      unpaid.map((it) => it.account),
    );
    const unavoided = new Set(
      this.preferred(
        selection,
        available.map((it) => it.account),
      ),
    );
    const free = orAll(
      available.filter((it) => unavoided.has(it.account)),
      (it) => !it.isOverQuota,
    ).map((it) => it.account);
    const full = untried.filter((it) => it.unavailable?.reason === 'full').map((it) => it.account);
    const boundTo = selection.sessionKey === null ? null : this.affinity.find(selection.sessionKey);
    const tentative = selection.sessionKey === null ? null : this.affinity.tentative(selection.sessionKey);
    const movesTo = selection.sessionKey === null ? null : this.affinity.movesTo(selection.sessionKey);
    for (const [by, id] of [
      ['pinned', selection.soleId],
      ['operator', movesTo],
      ['pinned', selection.pinnedTo],
      ['affinity', boundTo],
      ['affinity', tentative],
    ] as const) {
      const eligible = by === 'affinity' ? staying : available.map((it) => it.account);
      const account = eligible.find((it) => it.id === id);
      const isOverflow = by !== 'operator' && id !== boundTo && full.some((it) => it.id === boundTo);
      if (account !== undefined) return { kind: 'picked', account, by, isOverflow };
      const isFull = full.filter((it) => it.id === id);
      if (selection.isPatient && isFull.length > 0) return { kind: 'full', accounts: isFull };
    }
    // Rather than spending credits at once, a patient request waits for an account with quota that is merely full.
    const waitsFor = untried.filter((it) => it.unavailable?.reason === 'full' && !it.isOverQuota);
    const hasQuota = available.some((it) => !it.isOverQuota);
    if (selection.isPatient && free.length > 0 && !hasQuota && waitsFor.length > 0)
      return { kind: 'full', accounts: waitsFor.map((it) => it.account) };
    const [first, ...others] = this.unforbidden(selection, free);
    if (first === undefined) {
      return selection.isPatient && full.length > 0 ? { kind: 'full', accounts: full } : { kind: 'none' };
    }
    const isOverflow = full.some((it) => it.id === boundTo);
    return { kind: 'picked', account: this.byPolicy([first, ...others]), by: 'policy', isOverflow };
  }

  /**
   * Returns whether the choice depends on the requested model: an account refuses some model, or has named meters and
   * one that is out or over its quota.
   */
  dependsOnModel(): boolean {
    const now = this.clock.now();
    return this.registry.list().some((account) => {
      for (const [scope, { refusal }] of account.evidence.scopes) {
        if (scope.startsWith('model:') && refusal !== null && refusal.until > now) return true;
      }
      const { settings, evidence } = account;
      const quota = this.quota.quota(account.id);
      const named = namedMeters(evidence, quota);
      return (
        named.length > 0 && dependsOnMeter({ settings, evidence, quota }, [GENERAL_METER, ...named], now)
      );
    });
  }

  /** Returns the available account with the largest plan, for data that is the same on all accounts; null if none. */
  largestPlan(): Account | null {
    let largest: Account | null = null;
    for (const { account, unavailable } of this.assess()) {
      if (unavailable !== null && !hasNoQuota(unavailable)) continue;
      if (largest === null || planCapacity(account.plan) > planCapacity(largest.plan)) largest = account;
    }
    return largest;
  }

  /**
   * Returns the account that represents a client without a session: the one whose id the client sends, if it is in the
   * pool. Otherwise the first by name that is not paused; accounts that need no login are preferred. Null if none.
   */
  home(clientAccountId: string | null): Account | null {
    const own = clientAccountId === null ? null : this.registry.findByAccountId(clientAccountId);
    if (own !== null) return own;
    const now = this.clock.now();
    const usable = this.registry
      .list()
      .filter((it) => it.withdrawal === null && !isPausedAt(it.settings, now));
    return usable.find((it) => !it.needsLogin) ?? usable[0] ?? null;
  }

  /** Leaves out the account that has just failed a turn of the session, unless it is pinned or the only one left. */
  private preferred(
    { sessionKey, soleId, pinnedTo }: SelectionRequest,
    free: readonly Account[],
  ): readonly Account[] {
    const avoidedId = sessionKey === null ? null : this.affinity.avoided(sessionKey);
    if (avoidedId === null || avoidedId === (soleId ?? pinnedTo)) return free;
    return orAll(free, (it) => it.id !== avoidedId);
  }

  /** Leaves out the accounts that have recently responded with 403, unless no other is left. */
  private unforbidden({ feature }: SelectionRequest, free: readonly Account[]): readonly Account[] {
    const since = this.clock.now() - limits.forbiddenMs;
    return orAll(
      free,
      ({ evidence }) => (evidenceIn(evidence, feature ?? 'account').forbiddenAt ?? 0) <= since,
    );
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
    const candidates = [candidate(first), ...others.map(candidate)] as const;
    const policy = selectionPolicies[this.settings.current.policy];
    return policy(candidates, this.clock.now(), this.lastByPolicy).account;
  }

  private leased(
    { account, by, isOverflow }: Decision & { kind: 'picked' },
    selection: SelectionRequest,
    candidates: readonly ConsideredCandidate[],
  ): Choice {
    if (by === 'policy') this.lastByPolicy = account.name;
    // Parallel requests of a session move together if its account is unavailable. If it is only full, the session stays.
    if (selection.sessionKey !== null && !isOverflow)
      this.affinity.claim(selection.sessionKey, account.id, selection.isTurn);
    return { kind: 'leased', lease: new Lease(account), by, isOverflow, candidates };
  }
}

/**
 * The accounts that may serve. Those whose token seems to have ended are left out unless no other can serve; a patient
 * request rather waits for a full account.
 */
function preferredTo401(
  untried: readonly ConsideredCandidate[],
  isPatient: boolean,
): readonly ConsideredCandidate[] {
  const available = untried.filter((it) => it.unavailable === null);
  const good = available.filter((it) => !it.isLastResort);
  const canWait = isPatient && untried.some((it) => it.unavailable?.reason === 'full' && !it.isLastResort);
  return good.length > 0 || canWait ? good : available;
}

/** Those that meet the condition; all if none does. */
function orAll<T>(all: readonly T[], isGood: (it: T) => boolean): readonly T[] {
  const good = all.filter(isGood);
  return good.length > 0 ? good : all;
}

/** Returns whether quota is the only obstacle; requests that cost none can still be sent. */
export function hasNoQuota({ reason }: Unavailable): boolean {
  return reason === 'quota-exhausted' || reason === 'reserved';
}
