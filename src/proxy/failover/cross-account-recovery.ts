import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { AccountSelector } from '../../accounts/selection/account-selector.js';
import type { Account } from '../../accounts/account.js';
import { SessionAffinity } from '../../accounts/selection/session-affinity.js';
import { limits } from '../../config/limits.js';
import type { FailoverContext } from './failover-context.js';
import type { Recovery } from './failover-policy.js';
import { bytesWithout, withoutItems } from '../request/encrypted-content.js';
import { inputOf, type ReasoningItem } from '../request/reasoning-items.js';

/** The items removed from a session's history, for the account that cannot read them. */
interface RemovedItems {
  readonly accountId: string;
  /** Hashes of the encrypted content. */
  readonly items: ReadonlySet<string>;
}

/**
 * Recovers when upstream refuses encrypted content that another account has made: the request goes back to that
 * account, or is sent once more without the reasoning items that only that account can read. Remembers hashes of the
 * items removed from each session's history since it came to its account. Later turns lose only those, and keep the
 * account's own items.
 */
@Injectable()
export class CrossAccountRecovery {
  /** By session; evicts by the last write. */
  private readonly removed = new LRUCache<string, RemovedItems>({ max: limits.crossAccountSessions });

  constructor(
    private readonly selector: AccountSelector,
    private readonly affinity: SessionAffinity,
  ) {}

  /** Returns the recovery to try for a request that this account has refused; null if none. */
  async next(context: FailoverContext, account: Account): Promise<Recovery | null> {
    const { sessionKey } = context.request;
    const former = this.formerOf(context, account);
    // A session that has settled here stays. Otherwise it would alternate between accounts that cannot read each other.
    const hasStripped = sessionKey !== null && this.removed.peek(sessionKey)?.accountId === account.id;
    const isWayBack = former !== null && !hasStripped && !context.tried.has(former);
    if (isWayBack && (await this.isFree(context, former))) return 'go-back';
    if (context.strippedBody !== null || (context.tried.size === 1 && this.isAtHome(sessionKey, account)))
      return null;
    return (await this.strips(context, account)) ? 'strip' : null;
  }

  /** Removes from the request what this account cannot read; false if nothing can be removed. */
  async strips(context: FailoverContext, account: Account): Promise<boolean> {
    const stripped = await this.strip(context, account);
    if (stripped !== null) context.replaceBody(stripped);
    return stripped !== null;
  }

  /** Identity of the session's account before this one; null if none. */
  formerOf({ request }: FailoverContext, account: Account): string | null {
    return this.former(request.sessionKey, account);
  }

  /** Whether this account has made all turns of the session that the pool has seen. */
  private isAtHome(session: string | null, account: Account): boolean {
    if (session === null || this.affinity.find(session) !== account.id) return false;
    return this.affinity.formerOf(session) === null && !this.affinity.wasServedElsewhere(session);
  }

  private former(session: string | null, account: Account): string | null {
    if (session === null) return null;
    const served = this.affinity.find(session);
    return served === account.id ? this.affinity.formerOf(session) : served;
  }

  /** Whether the account can serve, by the assessment that the next choice will use. */
  private async isFree(context: FailoverContext, accountId: string): Promise<boolean> {
    const needs = { model: await context.model(), feature: context.feature };
    const candidates = this.selector.assess(needs, context.soleId);
    return candidates.some((it) => it.account.id === accountId && it.unavailable === null);
  }

  /** Returns the body without cross-account reasoning; null if it has none, or if there is no room for the copy. */
  private async strip({ request }: FailoverContext, account: Account): Promise<Buffer | null> {
    return request.look(async (plain) => {
      const removed = await this.unreadable(plain, request.sessionKey, account);
      if (removed === null || !request.holdMore(bytesWithout(plain, removed))) return null;
      this.remember(request.sessionKey, account, removed);
      return await withoutItems(plain, removed);
    });
  }

  /**
   * The items that this account cannot read. When a session has just moved here, all its reasoning is cross-account;
   * later, only the remembered items are. Null if there are none, or if nothing else is in the input.
   */
  private async unreadable(
    plain: Buffer,
    session: string | null,
    account: Account,
  ): Promise<readonly ReasoningItem[] | null> {
    const input = await inputOf(plain);
    if (input === null) return null;
    const before = session === null ? undefined : this.removed.peek(session);
    const isKnown = ({ hash }: ReasoningItem) => before?.items.has(hash) === true;
    const known = before?.accountId === account.id ? input.reasoning.filter(isKnown) : [];
    const removed = known.length > 0 ? known : input.reasoning;
    return removed.length === 0 || removed.length === input.items ? null : removed;
  }

  private remember(session: string | null, account: Account, removed: readonly ReasoningItem[]): void {
    if (session === null) return;
    this.affinity.markServedElsewhere(session);
    this.removed.set(session, { accountId: account.id, items: new Set(removed.map((it) => it.hash)) });
  }
}
