import { Inject, Injectable, Logger } from '@nestjs/common';
import { PLACEHOLDER_PREFIX } from '../tokens/credential-file/other-login.js';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { limits } from '../config/limits.js';
import { AccountRegistry } from '../accounts/account-registry.js';
import type { Account } from '../accounts/account.js';
import { type SharedLogin, type LoginSharing, sharingOf } from './shared-login.js';

/**
 * Detects clients that use one of the pool's logins from a separate file. The first to refresh such a login locks
 * the other out. Keeps nothing that the client sends.
 */
@Injectable()
export class SharedLoginDetector {
  private readonly logger = new Logger(SharedLoginDetector.name);
  /** Time of the next check of a login (epoch ms), by the account found for the client's id. */
  private readonly lookAgainAt = new WeakMap<Account, number>();
  /** The accounts whose login a client was seen with, in a file other than the pool's. */
  private readonly shared = new WeakMap<Account, SharedLogin>();

  constructor(
    private readonly registry: AccountRegistry,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Inspects the login of a client's request: `chatgpt-account-id` and the bearer token. */
  see(accountId: string, bearer: string): void {
    if (accountId.startsWith(PLACEHOLDER_PREFIX)) return;
    const first = this.registry.findByAccountId(accountId);
    const now = this.clock.now();
    if (first === null || (this.lookAgainAt.get(first) ?? 0) > now) return;
    // The pool may hold several users of one workspace.
    for (const account of this.registry.list()) {
      const { credential } = account.storedCredential;
      const sharing = credential.accountId === accountId ? sharingOf(bearer, credential, now) : null;
      if (sharing === null) continue;
      this.lookAgainAt.set(first, now + limits.loginCheckMs);
      return this.found(account, sharing, now);
    }
  }

  private found(account: Account, sharing: LoginSharing, seenAt: number): void {
    if (account.storedCredential.isLink) {
      this.shared.delete(account); // Codex and the pool use one file: nothing is shared twice
      return;
    }
    const before = this.shared.get(account);
    // A copy stays a copy: a refresh changes its tokens, but it is still the same login.
    const login: SharedLogin = {
      sharing: before?.sharing === 'same-tokens' ? 'same-tokens' : sharing,
      seenAt,
    };
    this.shared.set(account, login);
    if (before !== undefined) return;
    const why = warningOf(account.name, login);
    this.logger.warn('a client uses the login of an account', { account: account.name, why });
  }

  /** The operator's warning about a second user of this account's login; null if none. */
  warning(account: Account): string | null {
    const login = this.shared.get(account);
    return login === undefined || account.storedCredential.isLink ? null : warningOf(account.name, login);
  }
}

function warningOf(name: string, { sharing, seenAt }: SharedLogin): string {
  const seen = `last seen ${new Date(seenAt).toISOString()}`;
  const what =
    sharing === 'same-tokens'
      ? `Codex uses a copy of this login (${seen}): the first to renew it locks the other out, and a logout ends both.`
      : `Codex is logged in to this account, too, with other tokens (${seen}): if one of the two files is a copy of the other, the first to renew it locks the other out, and a logout ends both.`;
  return `${what} Link the file (ln -sf ~/.codex/auth.json pool/${name}.json), or give Codex a placeholder login (npm run placeholder-login).`;
}
