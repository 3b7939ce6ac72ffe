import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { Drain } from '../runtime/drain.js';
import { limits } from '../config/limits.js';
import { describeError } from '../runtime/pool-error.js';
import type { Secret } from '../runtime/secret.js';
import { CredentialPersistence } from './credential-persistence.js';
import { CredentialVault } from './credential-vault.js';
import { isDue, type StoredCredential } from './stored-credential.js';
import { SingleFlight } from '../runtime/single-flight.js';
import { isTokenRejected, mayRequest, pausedUntil } from './refresh-state.js';
import { TokenRefresh } from './token-refresh.js';
import type { RefreshReason } from './token-refresh-client.js';
import { NeedsLoginError, RefreshFailedError } from './tokens.errors.js';
import { UpstreamClock } from './upstream-clock.js';

const NO_RESPONSE_YET = 'the token endpoint has not responded yet';

/** Supplies a fresh access token for each account, with at most one refresh per account at a time. */
@Injectable()
export class TokenService implements OnApplicationShutdown {
  private readonly logger = new Logger(TokenService.name);
  private readonly flights = new SingleFlight<StoredCredential>();
  private isStopping = false;

  constructor(
    private readonly vault: CredentialVault,
    private readonly persistence: CredentialPersistence,
    private readonly refreshes: TokenRefresh,
    private readonly clock: UpstreamClock,
    private readonly drain: Drain,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  /** Returns the access token to send if nothing has to be refreshed for it, the usual case; else null. */
  freshToken(id: string): Secret | null {
    const stored = this.vault.get(id);
    return this.shouldRefresh(stored) ? null : stored.credential.accessToken;
  }

  /**
   * Returns the access token to send. Refreshes first only when it seems to have ended, or to end soon. If that fails,
   * the token is sent all the same: only upstream knows whether it has ended.
   * @throws NeedsLoginError, RefreshFailedError when upstream has already rejected it
   */
  async accessToken(id: string): Promise<Secret> {
    const before = this.vault.get(id);
    if (!this.shouldRefresh(before)) return before.credential.accessToken;
    try {
      await this.refresh(id, 'proactive_expiry');
    } catch (error) {
      if (isTokenRejected(before.refresh)) throw error;
    }
    const after = this.vault.get(id);
    if (isTokenRejected(after.refresh)) throw whyNot(after);
    return after.credential.accessToken;
  }

  /**
   * Returns another token after upstream has rejected one: a newer one in memory, one that Codex wrote to the
   * file, or a refreshed one. `isProof`: the 401 is about the token, not about the route.
   * @throws NeedsLoginError, RefreshFailedError when no other token is available
   */
  async tokenAfterRejection(id: string, rejected: Secret, isProof: boolean): Promise<Secret> {
    const { accessToken } = this.vault.get(id).credential;
    if (!accessToken.equals(rejected)) return accessToken;
    try {
      const after = await this.refresh(id, 'unauthorized_recovery');
      if (!after.credential.accessToken.equals(rejected)) return after.credential.accessToken;
      throw whyNot(after);
    } catch (error) {
      if (isProof) this.noteRejection(id, rejected);
      throw error;
    }
  }

  /** Notes that upstream has rejected an access token, if its refresh fails: the account is then out. */
  noteRejection(id: string, rejected: Secret): void {
    const now = this.vault.find(id);
    if (now?.credential.accessToken.equals(rejected) === true)
      this.vault.change(now, { kind: 'token-rejected' });
  }

  /**
   * Refreshes now, due or not, in every state.
   * @throws NeedsLoginError, RefreshFailedError
   */
  async refreshNow(id: string): Promise<void> {
    const { accessToken } = this.vault.get(id).credential;
    const after = await this.refresh(id, 'forced');
    if (after.credential.accessToken.equals(accessToken)) throw whyNot(after);
  }

  /**
   * Refreshes accounts whose tokens expire within the leeway, one after another with pauses; starts none while
   * draining. Refreshes that a request waits for do not queue here. `firstPauseMs`: the pause before the first refresh.
   */
  async refreshDue(firstPauseMs = 0): Promise<void> {
    await this.persistence.saveUnsaved();
    if (this.config.refreshDisabled) return;
    let pauseMs = firstPauseMs;
    for (const { id } of this.vault.listWithFile()) {
      if (!this.isDue(id)) continue;
      if (pauseMs > 0) await pause(pauseMs);
      pauseMs = limits.refreshSpacingMs + Math.random() * limits.refreshJitterMs;
      if (this.drain.isDraining) return;
      if (this.isDue(id)) await this.refreshQuietly(this.vault.get(id)); // a turn may have refreshed it meanwhile
    }
  }

  /** Lets refreshes that a network fault has paused be tried again: the network is back. */
  networkIsBack(): void {
    this.vault.endNetworkPauses(this.clock.localNow());
  }

  /** Waits for running refreshes, so that their tokens are written before the process ends. Begins no other one. */
  async onApplicationShutdown(): Promise<void> {
    this.isStopping = true;
    await within(limits.refreshPatienceMs, this.flights.idle());
    await within(limits.writeAtStopMs, this.persistence.close());
  }

  private async refreshQuietly({ id, name }: StoredCredential): Promise<void> {
    try {
      await this.refresh(id, 'proactive_expiry');
    } catch (error) {
      this.logger.warn('token refresh failed', { account: name, reason: describeError(error) });
    }
  }

  /**
   * Runs one refresh per account at a time. It belongs to no request: a disconnected client does not stop it, and a
   * caller that has waited long enough leaves it running, because its response may hold the only good tokens.
   */
  private async refresh(id: string, reason: RefreshReason): Promise<StoredCredential> {
    const storedCredential = this.vault.get(id);
    if (this.isStopping && !this.flights.isRunning(id))
      throw new RefreshFailedError(storedCredential.name, 'the program is stopping');
    const request = {
      reason,
      maySend: !this.config.refreshDisabled,
      canWait: reason === 'proactive_expiry' && !isOver(storedCredential, this.clock),
      isForced: reason === 'forced',
    };
    // Another caller has waited for this response for long enough.
    if (this.flights.isRunning(id) && !mayRequest(storedCredential.refresh, this.clock.localNow()))
      throw whyNot(storedCredential);
    const flight = this.flights.run(id, async () => await this.refreshes.run(id, request));
    const after = await within(limits.refreshPatienceMs, flight);
    if (after !== null) return after;
    // The next caller must not wait as long for the same response.
    const at = this.clock.localNow();
    const failed = { kind: 'failed', reason: NO_RESPONSE_YET, at, isNetworkFault: false } as const;
    // This says nothing about the refresh token, which is not sent again before this refresh has ended.
    if ((pausedUntil(this.vault.get(id).refresh) ?? 0) <= failed.at)
      this.vault.change(this.vault.get(id), failed);
    throw new RefreshFailedError(storedCredential.name, NO_RESPONSE_YET);
  }

  private isDue(id: string): boolean {
    const storedCredential = this.vault.find(id);
    if (storedCredential === null) return false;
    return isDue(storedCredential, this.clock.isDue(storedCredential, limits.refreshLeewayMs));
  }

  /** Whether a request should wait for a refresh. While the token seems good, nothing is risked for another one. */
  private shouldRefresh(storedCredential: StoredCredential): boolean {
    if (this.config.refreshDisabled) return false;
    const { refresh } = storedCredential;
    if (isTokenRejected(refresh)) return true;
    if (refresh.kind === 'idle') return this.clock.endsWithin(storedCredential, limits.refreshOnRequestMs);
    return this.clock.hasEnded(storedCredential) && mayRequest(refresh, this.clock.localNow());
  }
}

/** Resolves with the promise's result, or with null after `ms`. The promise keeps running. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | null> {
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), ms);
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether nothing is lost with the refresh token: the access token is rejected, or seems to have ended. */
function isOver(storedCredential: StoredCredential, clock: UpstreamClock): boolean {
  return isTokenRejected(storedCredential.refresh) || clock.hasEnded(storedCredential);
}

function whyNot({ name, refresh }: StoredCredential): NeedsLoginError | RefreshFailedError {
  if (refresh.kind === 'refused') return new NeedsLoginError(name, refresh.code);
  const reason = 'reason' in refresh ? refresh.reason : 'the token was rejected';
  return new RefreshFailedError(name, reason);
}
