import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../app.config.js';
import { CLOCK, type Clock } from '../clock.js';
import { limits } from '../limits.js';
import { describeError } from '../pool-error.js';
import type { Secret } from '../secret.js';
import { CredentialStore, type CredentialFile, type TokenUpdate } from './credential-store.js';
import { type Credential, credentialOf, identityOf, isNewerGeneration } from './credential.js';
import { idle, nextRefreshState, type RefreshEvent, type RefreshState } from './refresh-state.js';
import { SingleFlight } from './single-flight.js';
import { type RefreshReason, type TokenGrant, TokenRefreshClient } from './token-refresh-client.js';
import { NeedsLoginError, RefreshFailedError } from './tokens.errors.js';

/** What is known of the credential of one account; shared with nobody who could change it. */
export interface Keeping {
  readonly name: string;
  readonly credential: Credential;
  readonly refresh: RefreshState;
  /** What an operator should know about the file, or null. */
  readonly warning: string | null;
  /** Why the newest tokens are only in memory, or null when the file has them. */
  readonly unsaved: string | null;
}

/** Owns the credentials: the newest tokens of each account, by the name of its file. */
@Injectable()
export class TokenService implements OnApplicationShutdown {
  private readonly logger = new Logger(TokenService.name);
  private readonly kept = new Map<string, Keeping>();
  private readonly flights = new SingleFlight<Keeping>();
  private readonly watchers: ((keeping: Keeping) => void)[] = [];

  constructor(
    private readonly store: CredentialStore,
    private readonly client: TokenRefreshClient,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Calls back whenever the tokens, the refresh state or a warning of an account changes. */
  onChange(watcher: (keeping: Keeping) => void): void {
    this.watchers.push(watcher);
  }

  /**
   * Reads all files again, by difference: tokens that are newer here than in a file are kept. Of two files
   * of one account only the first by name is used: two owners of one token family would end each other.
   */
  async load(): Promise<CredentialFile[]> {
    const files = withoutTwins(await this.store.readAll());
    const usable = new Set(files.filter((it) => it.kind === 'ok').map((it) => it.name));
    for (const name of this.kept.keys()) if (!usable.has(name)) this.kept.delete(name);
    for (const file of files) if (file.kind === 'ok') this.take(file);
    return files;
  }

  find(name: string): Keeping | null {
    return this.kept.get(name) ?? null;
  }

  /**
   * The access token to send now. Refreshes first only when it has ended or is about to.
   * @throws NeedsLoginError, RefreshFailedError
   */
  async accessToken(name: string): Promise<Secret> {
    const keeping = this.must(name);
    if (!this.endsWithin(keeping, limits.refreshOnRequestMs) || this.config.refreshDisabled) {
      return keeping.credential.accessToken;
    }
    const hasEnded = this.endsWithin(keeping, 0) && !keeping.credential.isExpiryEstimated;
    if (keeping.refresh.kind === 'waiting' && keeping.refresh.until > this.clock.now() && !hasEnded) {
      return keeping.credential.accessToken;
    }
    const after = await this.refresh(name, 'proactive_expiry');
    if (after.refresh.kind === 'idle') return after.credential.accessToken;
    if (!hasEnded) return after.credential.accessToken; // not fresh, but still good
    throw this.whyNot(after);
  }

  /**
   * Another token than the one that upstream has just rejected: the newer one that is already here, one
   * that Codex put into the file, or a refreshed one.
   * @throws NeedsLoginError, RefreshFailedError when there is none
   */
  async tokenAfterRejection(name: string, rejected: Secret): Promise<Secret> {
    const keeping = this.must(name);
    if (!keeping.credential.accessToken.equals(rejected)) return keeping.credential.accessToken;
    const after = await this.refresh(name, 'unauthorized_recovery');
    if (!after.credential.accessToken.equals(rejected)) return after.credential.accessToken;
    throw this.whyNot(after);
  }

  /** Refreshes what ends within the leeway, one account after the other. */
  async refreshDue(): Promise<void> {
    if (this.config.refreshDisabled) return;
    for (const name of this.kept.keys()) {
      const keeping = this.kept.get(name);
      if (keeping === undefined || !this.isDue(keeping)) continue;
      await this.refresh(name, 'proactive_expiry');
    }
  }

  /** Lets a refresh under way write its tokens before the process ends. */
  async onApplicationShutdown(): Promise<void> {
    await this.flights.idle();
  }

  private isDue(keeping: Keeping): boolean {
    switch (keeping.refresh.kind) {
      case 'idle':
        return this.endsWithin(keeping, limits.refreshLeewayMs);
      case 'waiting':
        return keeping.refresh.until <= this.clock.now();
      case 'refused':
        return true; // nothing is asked any more, but a new file ends it
      default:
        return keeping.refresh satisfies never;
    }
  }

  /** One refresh per account at a time. It belongs to nobody's request: a client that leaves does not stop it. */
  private refresh(name: string, reason: RefreshReason): Promise<Keeping> {
    return this.flights.run(name, () => this.refreshNow(name, reason));
  }

  private async refreshNow(name: string, reason: RefreshReason): Promise<Keeping> {
    const before = this.must(name);
    const adopted = await this.adopt(before);
    if (adopted !== null) return adopted;
    if (this.config.refreshDisabled || before.refresh.kind === 'refused') return before;
    const refreshToken = before.credential.refreshToken;
    if (refreshToken === null) {
      return this.change(before, {
        kind: 'refused-for-good',
        code: 'no_refresh_token',
        at: this.clock.now(),
      });
    }
    if (before.refresh.kind === 'waiting' && before.refresh.until > this.clock.now()) return before;
    const answer = await this.client.refresh(refreshToken, reason);
    switch (answer.kind) {
      case 'granted':
        return this.keepGrant(before, answer.grant);
      case 'refused-for-good': {
        // Another process may have used this token a moment ago: then its successor is in the file by now.
        const late = await this.adopt(before);
        if (late !== null) return late;
        this.logger.error('account needs a login', { account: name, code: answer.code });
        return this.change(before, { ...answer, at: this.clock.now() });
      }
      case 'failed':
        this.logger.warn('token refresh failed', { account: name, reason: answer.reason });
        return this.change(before, failure(answer.reason, this.clock.now()));
      default:
        return answer satisfies never;
    }
  }

  private async keepGrant(before: Keeping, grant: TokenGrant): Promise<Keeping> {
    const update: TokenUpdate = {
      accessToken: grant.accessToken.reveal(),
      refreshToken: grant.refreshToken?.reveal() ?? null,
      idToken: grant.idToken?.reveal() ?? null,
      refreshedAt: this.clock.now(),
    };
    const credential = credentialOf({
      accessToken: grant.accessToken.reveal(),
      refreshToken: (grant.refreshToken ?? before.credential.refreshToken)?.reveal() ?? null,
      idToken: (grant.idToken ?? before.credential.idToken)?.reveal() ?? null,
      accountId: before.credential.accountId,
      lastRefreshAt: update.refreshedAt,
    });
    let unsaved: string | null = null;
    try {
      await this.store.write(before.name, update);
      this.logger.log('token refreshed', { account: before.name, expiresAt: credential.expiresAt });
    } catch (error) {
      unsaved = `new tokens are only in memory, the file cannot be written: ${describeError(error)}`;
      this.logger.error('refreshed tokens could not be written', {
        account: before.name,
        reason: describeError(error),
      });
    }
    return this.put({
      ...before,
      credential,
      unsaved,
      refresh: nextRefreshState(before.refresh, { kind: 'granted' }),
    });
  }

  /** Takes the tokens of the file when they are newer than ours: Codex may share it with us. */
  private async adopt(mine: Keeping): Promise<Keeping | null> {
    const file = await this.store.read(mine.name);
    if (file.kind === 'broken' || !isNewer(mine, file)) return null;
    this.logger.log('newer tokens adopted from the file', { account: mine.name });
    return this.take(file);
  }

  private take(file: CredentialFile & { kind: 'ok' }): Keeping {
    const mine = this.kept.get(file.name);
    if (mine !== undefined && !isNewer(mine, file)) {
      return mine.warning === file.warning ? mine : this.put({ ...mine, warning: file.warning });
    }
    return this.put({
      name: file.name,
      credential: file.credential,
      warning: file.warning,
      refresh: nextRefreshState(mine?.refresh ?? idle, { kind: 'renewed-elsewhere' }),
      unsaved: null,
    });
  }

  private change(keeping: Keeping, event: RefreshEvent): Keeping {
    return this.put({ ...keeping, refresh: nextRefreshState(keeping.refresh, event) });
  }

  private put(keeping: Keeping): Keeping {
    this.kept.set(keeping.name, keeping);
    for (const watcher of this.watchers) watcher(keeping);
    return keeping;
  }

  private must(name: string): Keeping {
    const keeping = this.kept.get(name);
    if (keeping === undefined) throw new RefreshFailedError(name, 'its credential file is gone');
    return keeping;
  }

  private endsWithin(keeping: Keeping, ms: number): boolean {
    const { expiresAt } = keeping.credential;
    return expiresAt !== null && expiresAt - this.clock.now() <= ms;
  }

  private whyNot({ name, refresh }: Keeping): NeedsLoginError | RefreshFailedError {
    if (refresh.kind === 'refused') return new NeedsLoginError(name, refresh.code);
    return new RefreshFailedError(
      name,
      refresh.kind === 'waiting' ? refresh.reason : 'the token was rejected',
    );
  }
}

function withoutTwins(files: readonly CredentialFile[]): CredentialFile[] {
  const owners = new Map<string, string>();
  return files.map((file) => {
    if (file.kind === 'broken') return file;
    const id = identityOf(file.name, file.credential);
    const owner = owners.get(id);
    if (owner !== undefined) {
      return { kind: 'broken', name: file.name, reason: `the same account as ${owner}.json, which is used` };
    }
    owners.set(id, file.name);
    return file;
  });
}

/** Whether a file has newer tokens than we. Tokens that are only in memory give way to proof alone. */
function isNewer(mine: Keeping, file: CredentialFile & { kind: 'ok' }): boolean {
  if (mine.unsaved !== null && file.credential.lastRefreshAt === null) return false;
  return isNewerGeneration(mine.credential, file.credential);
}

function failure(reason: string, at: number): RefreshEvent {
  return { kind: 'failed', reason, at };
}
