import { Inject, Injectable, Logger } from '@nestjs/common';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { limits } from '../config/limits.js';
import { describeError } from '../runtime/pool-error.js';
import { renewed, type TokenGrant } from './credential.js';
import { CredentialPersistence } from './credential-persistence.js';
import { CredentialVault } from './credential-vault.js';
import type { LockedJournal } from './journal-file.js';
import type { Asking, JournalEntry } from './journal-entry.js';
import { askingOf, fingerprintOf, type StoredCredential, unsavedEntry } from './stored-credential.js';
import { RefreshJournal } from './refresh-journal.js';
import { hasPassed, REFRESH_STEP_WATCHER, type RefreshStepWatcher } from './refresh-state.js';
import { type RefreshReason, TokenRefreshClient } from './token-refresh-client.js';
import { RefreshFailedError } from './tokens.errors.js';

/** What is wanted of a refresh. */
export interface RefreshRequest {
  readonly reason: RefreshReason;
  /** False: newer tokens are taken from the file, and nobody is asked for any. */
  readonly mayAsk: boolean;
  /** The old access token can still be used: what might cost the refresh token is left for later. */
  readonly canWait: boolean;
  /** Asks whatever was learned before: a person wants it so. */
  readonly isForced: boolean;
}

/**
 * One refresh, step by step, in the order in which no token can be lost: lock → read the file again → announce →
 * ask → journal → file → memory → clear the journal.
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
   * Refreshes one account, or adopts what somebody else has refreshed. What it came to stands in the result.
   * @throws RefreshFailedError when another process is at it still, or the credential is gone
   */
  async run(id: string, selection: RefreshRequest): Promise<StoredCredential> {
    const known = this.vault.get(id);
    await using held = await this.journal.lock(id, limits.lockPatienceMs, known.name);
    if (held === null) throw new RefreshFailedError(known.name, 'another process is renewing it');
    this.onStep('locked', known.name);
    const finished = await this.persistence.finish(this.vault.get(id), held);
    const before = (await this.vault.adopt(finished)) ?? finished;
    this.onStep('read-again', before.name);
    if (before.credential !== known.credential) return before;
    return this.isAskingWise(before, selection) ? await this.ask(before, selection, held) : before;
  }

  private isAskingWise(
    { refresh }: StoredCredential,
    { mayAsk, canWait, isForced }: RefreshRequest,
  ): boolean {
    if (!mayAsk || isForced) return mayAsk;
    switch (refresh.kind) {
      case 'idle':
        return true;
      case 'waiting':
        return hasPassed(refresh.until, this.clock.now());
      case 'refused':
        return false;
      case 'in-doubt':
        return !canWait && (refresh.until === null || hasPassed(refresh.until, this.clock.now()));
      default:
        return refresh satisfies never;
    }
  }

  private async ask(
    before: StoredCredential,
    selection: RefreshRequest,
    held: LockedJournal,
  ): Promise<StoredCredential> {
    const { refreshToken } = before.credential;
    if (refreshToken === null) return this.needsLogin(before, 'no_refresh_token');
    if (!(await this.announce(before, held)) && selection.canWait) return before;
    const answer = await this.client.refresh(refreshToken, selection.reason);
    this.onStep('answered', before.name);
    switch (answer.kind) {
      case 'granted':
        return await this.granted(before, answer.grant, held);
      case 'refused-for-good': {
        await this.write(held, { unsaved: unsavedEntry(before), asking: null }, before.name);
        // Codex may have used this token a moment ago: then its successor is in the file by now.
        return (await this.vault.adopt(before)) ?? this.needsLogin(before, answer.code);
      }
      case 'failed':
        await this.write(held, { unsaved: unsavedEntry(before), asking: askingOf(before) }, before.name);
        return this.failed(before, answer.reason);
      case 'unknown':
        return await this.leftInDoubt(before, answer.reason, held);
      default:
        return answer satisfies never;
    }
  }

  private async granted(
    before: StoredCredential,
    grant: TokenGrant,
    held: LockedJournal,
  ): Promise<StoredCredential> {
    const at = this.clock.now();
    const spent = this.spentWith(before);
    if (await this.write(held, { unsaved: { grant, at, spent }, asking: null }, before.name))
      this.onStep('journaled', before.name);
    const after = await this.persistence.save(before, renewed(before.credential, grant, at), spent, held);
    // The next question is one of its own, with another token; but it must not follow at once, again and again.
    return grant.accessToken === null ? this.failed(after, 'no access token was issued') : after;
  }

  private failed(storedCredential: StoredCredential, reason: string): StoredCredential {
    this.logger.warn('token refresh failed', { account: storedCredential.name, reason });
    return this.vault.change(storedCredential, { kind: 'failed', reason, at: this.clock.now() });
  }

  /** The journal goes on saying that this token was asked with. */
  private async leftInDoubt(
    before: StoredCredential,
    reason: string,
    held: LockedJournal,
  ): Promise<StoredCredential> {
    this.logger.warn('token refresh is in doubt: the refresh token may be used up, or not', {
      account: before.name,
      reason,
    });
    const { at: since, isAgain } = this.question(before);
    const doubted = this.vault.change(before, { kind: 'left-in-doubt', since, isAgain, reason });
    const entry = { unsaved: unsavedEntry(doubted), asking: askingOf(doubted) };
    await this.write(held, entry, before.name);
    // Codex may have used it meanwhile: then its successor is in the file.
    return (await this.vault.adopt(doubted)) ?? doubted;
  }

  private question({ credential, refresh }: StoredCredential): Asking {
    const isAgain = refresh.kind === 'in-doubt';
    return { refreshToken: credential.refreshToken?.fingerprint() ?? '', at: this.clock.now(), isAgain };
  }

  /** Whether the journal says what is about to be done. */
  private async announce(before: StoredCredential, held: LockedJournal): Promise<boolean> {
    const entry = { unsaved: unsavedEntry(before), asking: this.question(before) };
    const isAnnounced = await this.write(held, entry, before.name);
    if (isAnnounced) this.onStep('announced', before.name);
    return isAnnounced;
  }

  private async write(held: LockedJournal, entry: JournalEntry, account: string): Promise<boolean> {
    try {
      await held.write(entry);
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
    this.logger.error('account needs a login, and serves at most until its access token ends', {
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
