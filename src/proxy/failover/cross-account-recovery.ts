import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { AccountSelector } from '../../accounts/selection/account-selector.js';
import type { Account } from '../../accounts/account.js';
import { SessionAffinity } from '../../accounts/selection/session-affinity.js';
import { limits } from '../../config/limits.js';
import type { FailoverContext } from './failover-context.js';
import type { Recovery } from './failover-policy.js';
import { encryptedReasoning, type Stripped, withoutReasoning } from './encrypted-content.js';

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

  /** The message of a WebSocket turn without what this account cannot read; null if nothing can be removed. */
  withoutCrossAccount(message: Buffer, session: string | null, account: Account): Buffer | null {
    if (this.isAtHome(session, account)) return null;
    const stripped = this.stripped(message, session, account);
    if (stripped !== null) this.remember(session, account, stripped);
    return stripped?.body ?? null;
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
    const stripped = await request.look((plain) => this.stripped(plain, request.sessionKey, account));
    if (stripped === null || !request.holdMore(stripped.body.length)) return null;
    this.remember(request.sessionKey, account, stripped);
    return stripped.body;
  }

  /** When a session has just moved here, all its reasoning is cross-account; later, only the remembered items are. */
  private stripped(plain: Buffer, session: string | null, account: Account): Stripped | null {
    const all = encryptedReasoning(plain);
    const before = session === null ? undefined : this.removed.peek(session);
    const known = before?.accountId === account.id ? all.filter((it) => before.items.has(hash(it))) : [];
    return withoutReasoning(plain, new Set(known.length > 0 ? known : all));
  }

  private remember(session: string | null, account: Account, { removed }: Stripped): void {
    if (session === null) return;
    this.affinity.markServedElsewhere(session);
    this.removed.set(session, { accountId: account.id, items: new Set(removed.map(hash)) });
  }
}

function hash(encryptedContent: string): string {
  return createHash('sha256').update(encryptedContent).digest('base64url').slice(0, 22);
}
