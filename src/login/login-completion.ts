import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import { AccountRegistry } from '../accounts/account-registry.js';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { fileTroubleIn } from '../runtime/files/file-trouble.js';
import { describeError } from '../runtime/pool-error.js';
import { readClaims } from '../tokens/credential-file/access-token-claims.js';
import { CredentialImport, type Imported } from '../tokens/credential-import.js';
import { ImportRefusedError } from '../tokens/tokens.errors.js';
import type { LoginTokens } from './authorization-responses.js';
import { AuthorizationClient, type AuthorizationCode } from './authorization-client.js';
import type { LoginEvent } from './login-state.js';
import type { Login } from './login.js';
import { Logins } from './logins.js';

/** The second half of every login: turns the code into a usable account. */
@Injectable()
export class LoginCompletion implements BeforeApplicationShutdown {
  private readonly logger = new Logger(LoginCompletion.name);
  private readonly running = new Set<Promise<Login>>();

  constructor(
    private readonly logins: Logins,
    private readonly client: AuthorizationClient,
    private readonly credentials: CredentialImport,
    private readonly registry: AccountRegistry,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Resolves with the login after its end; never rejects. A login that is no longer waiting stays unchanged. */
  async complete(login: Login, code: AuthorizationCode): Promise<Login> {
    const allowed = this.logins.change(login, { kind: 'allowed' });
    if (allowed.state.kind !== 'completing') return allowed;
    const running = this.exchange(allowed, code);
    this.running.add(running);
    try {
      return await running;
    } finally {
      this.running.delete(running);
    }
  }

  /** Ends a login that the user or the authorization server has refused. */
  fail(login: Login, code: string, message: string): Login {
    return this.end(login, { kind: 'failed', code, message });
  }

  /** Waits until the tokens of exchanges in progress are in the pool. */
  async beforeApplicationShutdown(): Promise<void> {
    while (this.running.size > 0) await Promise.allSettled(this.running);
  }

  private async exchange(login: Login, code: AuthorizationCode): Promise<Login> {
    const response = await this.client.exchange(code);
    if (response.kind === 'failed') return this.end(login, response);
    return this.end(login, await this.save(response.tokens, login.name));
  }

  private async save(tokens: LoginTokens, asked: string | null): Promise<LoginEvent> {
    try {
      const { name, result } = await this.add(this.document(tokens), asked);
      await this.registry.reload();
      this.registry.loggedIn(name);
      return { kind: 'saved', account: name, result };
    } catch (error) {
      if (error instanceof ImportRefusedError)
        return { kind: 'failed', code: error.code, message: error.message };
      this.logger.error('the account could not be saved after a login', {
        reason: describeError(error),
      });
      return {
        kind: 'failed',
        code: 'not_saved',
        message: `The login was approved, but the account could not be saved to the pool. ${fileTroubleIn(error)?.message ?? 'See the log of codex-pool.'}`,
      };
    }
  }

  /** Adds the account; if another account has the name, under the first free name instead of losing the login. */
  private async add(document: object, asked: string | null): Promise<Imported> {
    try {
      return await this.credentials.add(document, asked);
    } catch (error) {
      const isNameTaken = error instanceof ImportRefusedError && error.code === 'name_taken';
      if (!isNameTaken) throw error;
      return await this.credentials.add(document, null);
    }
  }

  /** Builds the `auth.json` that Codex would write (docs/protocol.md, section on `auth.json`). */
  private document({ idToken, accessToken, refreshToken }: LoginTokens): object {
    const accountId =
      readClaims(accessToken.reveal()).accountId ?? readClaims(idToken.reveal()).accountId ?? null;
    return {
      auth_mode: 'chatgpt',
      OPENAI_API_KEY: null,
      tokens: {
        id_token: idToken.reveal(),
        access_token: accessToken.reveal(),
        refresh_token: refreshToken.reveal(),
        account_id: accountId,
      },
      last_refresh: new Date(this.clock.now()).toISOString(),
    };
  }

  private end(login: Login, event: LoginEvent): Login {
    const after = this.logins.change(login, event);
    const { kind, state } = after;
    if (state.kind === 'succeeded')
      this.logger.log('login succeeded', { kind, account: state.account, result: state.result });
    if (state.kind === 'failed') this.logger.warn('login failed', { kind, code: state.code });
    return after;
  }
}
