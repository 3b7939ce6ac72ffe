import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../app.config.js';
import { CLOCK, type Clock } from '../clock.js';
import { Drain } from '../drain.js';
import { limits } from '../limits.js';
import { describeError } from '../pool-error.js';
import type { Secret } from '../secret.js';
import { CredentialVault, type Keeping } from './credential-vault.js';
import { SingleFlight } from './single-flight.js';
import { type RefreshReason, TokenRefreshClient } from './token-refresh-client.js';
import { NeedsLoginError, RefreshFailedError } from './tokens.errors.js';

/** A fresh access token for every account, with one refresh per account at a time. */
@Injectable()
export class TokenService implements OnApplicationShutdown {
  private readonly logger = new Logger(TokenService.name);
  private readonly flights = new SingleFlight<Keeping>();

  constructor(
    private readonly vault: CredentialVault,
    private readonly client: TokenRefreshClient,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CLOCK) private readonly clock: Clock,
    private readonly drain: Drain,
  ) {}

  /**
   * The access token to send now. Refreshes first only when it has ended or is about to.
   * @throws NeedsLoginError, RefreshFailedError
   */
  async accessToken(id: string): Promise<Secret> {
    const keeping = this.vault.get(id);
    if (this.config.refreshDisabled || !this.endsWithin(keeping, limits.refreshOnRequestMs)) {
      return keeping.credential.accessToken;
    }
    const hasEnded = this.endsWithin(keeping, 0) && !keeping.credential.isExpiryEstimated;
    if (!hasEnded && this.isWaiting(keeping)) return keeping.credential.accessToken;
    const after = await this.refresh(id, 'proactive_expiry');
    // Not refreshed, but still good: better than none.
    if (after.refresh.kind === 'idle' || !hasEnded) return after.credential.accessToken;
    throw whyNot(after);
  }

  /**
   * Another token than the one that upstream has just rejected: the newer one that is already here, one
   * that Codex put into the file, or a refreshed one.
   * @throws NeedsLoginError, RefreshFailedError when there is none
   */
  async tokenAfterRejection(id: string, rejected: Secret): Promise<Secret> {
    const { accessToken } = this.vault.get(id).credential;
    if (!accessToken.equals(rejected)) return accessToken;
    const after = await this.refresh(id, 'unauthorized_recovery');
    if (!after.credential.accessToken.equals(rejected)) return after.credential.accessToken;
    throw whyNot(after);
  }

  /** Refreshes what ends within the leeway, one account after the other; begins none during a stop. */
  async refreshDue(): Promise<void> {
    await this.vault.saveUnsaved();
    if (this.config.refreshDisabled) return;
    for (const id of this.vault.ids()) {
      if (this.drain.isDraining) return;
      const keeping = this.vault.find(id);
      if (keeping !== null && this.isDue(keeping)) await this.refreshQuietly(keeping);
    }
  }

  /** Lets a refresh that was sent write its tokens before the process ends. */
  async onApplicationShutdown(): Promise<void> {
    await this.flights.idle();
    await this.vault.saveUnsaved();
  }

  private async refreshQuietly({ id, name }: Keeping): Promise<void> {
    try {
      await this.refresh(id, 'proactive_expiry');
    } catch (error) {
      this.logger.warn('token refresh failed', { account: name, reason: describeError(error) });
    }
  }

  private isDue(keeping: Keeping): boolean {
    switch (keeping.refresh.kind) {
      case 'idle':
        return this.endsWithin(keeping, limits.refreshLeewayMs);
      case 'waiting':
        return !this.isWaiting(keeping);
      case 'refused':
        return true; // nothing is asked any more, but a new file ends it
      default:
        return keeping.refresh satisfies never;
    }
  }

  /** One refresh per account at a time. It belongs to nobody's request: a client that leaves does not stop it. */
  private refresh(id: string, reason: RefreshReason): Promise<Keeping> {
    return this.flights.run(id, async () => await this.refreshNow(this.vault.get(id), reason));
  }

  private async refreshNow(before: Keeping, reason: RefreshReason): Promise<Keeping> {
    const adopted = await this.vault.adopt(before);
    if (adopted !== null) return adopted;
    if (this.config.refreshDisabled || before.refresh.kind === 'refused' || this.isWaiting(before))
      return before;
    const { refreshToken } = before.credential;
    if (refreshToken === null) return this.needsLogin(before, 'no_refresh_token');
    const answer = await this.client.refresh(refreshToken, reason);
    switch (answer.kind) {
      case 'granted':
        return this.vault.keep(before, answer.grant, this.clock.now());
      case 'refused-for-good':
        // Another process may have used this token a moment ago: then its successor is in the file by now.
        return (await this.vault.adopt(before)) ?? this.needsLogin(before, answer.code);
      case 'failed':
        this.logger.warn('token refresh failed', { account: before.name, reason: answer.reason });
        return this.vault.change(before, { kind: 'failed', reason: answer.reason, at: this.clock.now() });
      default:
        return answer satisfies never;
    }
  }

  private needsLogin(before: Keeping, code: string): Keeping {
    this.logger.error('account needs a login', { account: before.name, code });
    return this.vault.change(before, { kind: 'refused-for-good', code, at: this.clock.now() });
  }

  private isWaiting({ refresh }: Keeping): boolean {
    return refresh.kind === 'waiting' && refresh.until > this.clock.now();
  }

  private endsWithin({ credential }: Keeping, ms: number): boolean {
    return credential.expiresAt !== null && credential.expiresAt - this.clock.now() <= ms;
  }
}

function whyNot({ name, refresh }: Keeping): NeedsLoginError | RefreshFailedError {
  if (refresh.kind === 'refused') return new NeedsLoginError(name, refresh.code);
  return new RefreshFailedError(name, refresh.kind === 'waiting' ? refresh.reason : 'the token was rejected');
}
