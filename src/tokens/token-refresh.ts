import { Inject, Injectable, Logger } from '@nestjs/common';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { limits } from '../config/limits.js';
import { describeError } from '../runtime/pool-error.js';
import { renewed, type TokenGrant } from './credential-file/credential.js';
import { CredentialPersistence } from './credential-persistence.js';
import { CredentialVault } from './credential-vault.js';
import type { LockedJournal } from './journal/journal-file.js';
import type { PendingTokenRequest, JournalEntry } from './journal/journal-entry.js';
import { pendingRequestOf, fingerprintOf, type StoredCredential, unsavedEntry } from './stored-credential.js';
import { RefreshJournal } from './journal/refresh-journal.js';
import { mayRequest, REFRESH_STEP_WATCHER, type RefreshStepWatcher } from './refresh-state.js';
import { type RefreshReason, type RefreshResponse, TokenRefreshClient } from './token-refresh-client.js';
import { RefreshFailedError } from './tokens.errors.js';

/** Conditions of a refresh. */
export interface RefreshRequest {
  readonly reason: RefreshReason;
  /** False: only adopts newer tokens from the file and sends no request. */
  readonly maySend: boolean;
  /** The access token is still good: postpone requests that might cost the refresh token. */
  readonly canWait: boolean;
  /** Sends a request in every state, because a person asked for it. */
  readonly isForced: boolean;
}

/**
 * Performs one refresh in an order in which no token can be lost: lock → read the file again → announce → request →
 * journal → file → memory → clear the journal.
 */
@Injectable()
export class TokenRefresh {
  private readonly logger = new Logger(TokenRefresh.name);

  constructor(
    private readonly vault: CredentialVault,
    private readonly persistence: CredentialPersistence,
    private readonly journal: RefreshJournal,
    private readonly client: TokenRefreshClient,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(REFRESH_STEP_WATCHER) private readonly onStep: RefreshStepWatcher,
  ) {}

  /**
   * Refreshes one account, or adopts tokens that another program has refreshed. The result holds the new state.
   * @throws RefreshFailedError when another process is still refreshing it, or the credential is gone
   */
  async run(id: string, request: RefreshRequest): Promise<StoredCredential> {
    const known = this.vault.get(id);
    await using locked = await this.journal.lock(id, limits.lockPatienceMs, known.name);
    if (locked === null) throw new RefreshFailedError(known.name, 'another process is refreshing it');
    this.onStep('locked', known.name);
    const finished = await this.persistence.finish(this.vault.get(id), locked);
    const before = (await this.vault.adopt(finished)) ?? finished;
    this.onStep('read-again', before.name);
    if (before.credential !== known.credential) return before;
    return this.mayRequest(before, request) ? await this.request(before, request, locked) : before;
  }

  private mayRequest({ refresh }: StoredCredential, { maySend, canWait, isForced }: RefreshRequest): boolean {
    if (!maySend || isForced) return maySend;
    return mayRequest(refresh, this.clock.now()) && !(refresh.kind === 'in-doubt' && canWait);
  }

  private async request(
    before: StoredCredential,
    request: RefreshRequest,
    locked: LockedJournal,
  ): Promise<StoredCredential> {
    const { refreshToken } = before.credential;
    if (refreshToken === null) return this.needsLogin(before, 'no_refresh_token');
    if (!(await this.announce(before, locked)) && request.canWait) return before;
    const response = await this.client.refresh(refreshToken, request.reason);
    this.onStep('answered', before.name);
    if (isFromEndpoint(response)) this.vault.endNetworkPauses(this.clock.now());
    switch (response.kind) {
      case 'granted':
        return await this.granted(before, response.grant, locked);
      case 'refused-for-good': {
        await this.write(locked, { unsaved: unsavedEntry(before), asking: null }, before.name);
        // Codex may just have used this token; its successor is then in the file.
        return (await this.vault.adopt(before)) ?? this.needsLogin(before, response.code);
      }
      case 'failed':
        await this.write(
          locked,
          { unsaved: unsavedEntry(before), asking: pendingRequestOf(before) },
          before.name,
        );
        return this.failed(before, response.reason, response.isNetworkFault);
      case 'unknown':
        return await this.leftInDoubt(before, response.reason, locked);
      default:
        return response satisfies never;
    }
  }

  private async granted(
    before: StoredCredential,
    grant: TokenGrant,
    locked: LockedJournal,
  ): Promise<StoredCredential> {
    const at = this.clock.now();
    const spent = this.spentWith(before);
    if (await this.write(locked, { unsaved: { grant, at, spent }, asking: null }, before.name))
      this.onStep('journaled', before.name);
    const after = await this.persistence.save(before, renewed(before.credential, grant, at), spent, locked);
    if (grant.accessToken?.equals(before.credential.accessToken) === false) return after;
    // The next request uses the new refresh token, but must not follow immediately in a loop.
    const reason = 'the token endpoint issued no new access token';
    this.logger.warn('token refresh failed', { account: after.name, reason });
    return this.vault.change(after, { kind: 'granted-in-part', reason, at, before: before.refresh });
  }

  private failed(
    storedCredential: StoredCredential,
    reason: string,
    isNetworkFault: boolean,
  ): StoredCredential {
    this.logger.warn('token refresh failed', { account: storedCredential.name, reason });
    const at = this.clock.now();
    return this.vault.change(storedCredential, { kind: 'failed', reason, at, isNetworkFault });
  }

  /** Keeps the note in the journal that this refresh token was sent. */
  private async leftInDoubt(
    before: StoredCredential,
    reason: string,
    locked: LockedJournal,
  ): Promise<StoredCredential> {
    this.logger.warn('token refresh is in doubt: the refresh token may or may not be used up', {
      account: before.name,
      reason,
    });
    const { at: since, isAgain } = this.pendingRequest(before);
    const doubted = this.vault.change(before, { kind: 'left-in-doubt', since, isAgain, reason });
    const entry = { unsaved: unsavedEntry(doubted), asking: pendingRequestOf(doubted) };
    await this.write(locked, entry, before.name);
    // Codex may have used it meanwhile; its successor is then in the file.
    return (await this.vault.adopt(doubted)) ?? doubted;
  }

  private pendingRequest({ credential, refresh }: StoredCredential): PendingTokenRequest {
    const isAgain = refresh.kind === 'in-doubt';
    return { refreshToken: credential.refreshToken?.fingerprint() ?? '', at: this.clock.now(), isAgain };
  }

  /** Records the request in the journal before it is sent; returns whether that succeeded. */
  private async announce(before: StoredCredential, locked: LockedJournal): Promise<boolean> {
    const entry = { unsaved: unsavedEntry(before), asking: this.pendingRequest(before) };
    const isAnnounced = await this.write(locked, entry, before.name);
    if (isAnnounced) this.onStep('announced', before.name);
    return isAnnounced;
  }

  private async write(locked: LockedJournal, entry: JournalEntry, account: string): Promise<boolean> {
    try {
      await locked.write(entry);
      return true;
    } catch (error) {
      this.logger.error('journal cannot be written', { account, reason: describeError(error) });
      return false;
    }
  }

  private spentWith({ credential, unsaved }: StoredCredential): string[] {
    const sent = fingerprintOf(credential);
    return [...(unsaved?.spent ?? []), ...(sent === null ? [] : [sent])].slice(-limits.spentTokens);
  }

  private needsLogin(before: StoredCredential, code: string): StoredCredential {
    const { expiresAt, isExpiryEstimated } = before.credential;
    const servesUntil = isExpiryEstimated || expiresAt === null ? null : new Date(expiresAt).toISOString();
    this.logger.error('account needs a new login; it can be used only until its access token expires', {
      account: before.name,
      code,
      servesUntil,
    });
    return this.vault.change(before, {
      kind: 'refused-for-good',
      code,
      at: this.clock.now(),
      isTokenRejected: false,
    });
  }
}

/** Whether the token endpoint itself has responded, so that other accounts can reach it, too. */
function isFromEndpoint(response: RefreshResponse): boolean {
  if (response.kind === 'failed') return !response.isNetworkFault;
  return response.kind !== 'unknown';
}
