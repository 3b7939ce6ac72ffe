import { Inject, Injectable } from '@nestjs/common';
import type { Account } from '../../accounts/account.js';
import { AccountRegistry } from '../../accounts/account-registry.js';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { describeError } from '../../runtime/pool-error.js';
import { KeptTokens } from '../../tokens/kept-tokens.js';
import { TokenService } from '../../tokens/token.service.js';
import { NeedsLoginError, RefreshFailedError } from '../../tokens/tokens.errors.js';
import { Problem } from '../problems/problem.js';

/** Refreshes the token of an account at the operator's request. */
@Injectable()
export class AccountRefresh {
  constructor(
    private readonly tokens: TokenService,
    private readonly kept: KeptTokens,
    private readonly registry: AccountRegistry,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  /** Refreshes the token even if it is not due. @throws Problem if no new token could be obtained */
  async refresh(account: Account): Promise<void> {
    if (this.config.refreshDisabled) {
      throw new Problem(
        409,
        'refresh_disabled',
        'Tokens are never refreshed here: PROXY_DISABLE_REFRESH is 1.',
      );
    }
    try {
      await this.tokens.refreshNow(account.id);
    } catch (error) {
      if (error instanceof NeedsLoginError) throw new Problem(409, error.code, `${error.message}.`);
      if (error instanceof RefreshFailedError) throw new Problem(502, error.code, `${error.message}.`);
      throw error;
    }
  }

  /**
   * Puts the kept tokens of a broken file back into it. Returns whether it did; the account is then in the pool again.
   * @throws Problem if the file cannot be written
   */
  async restore(name: string): Promise<boolean> {
    if (this.kept.whereKept(name) === null) return false;
    try {
      if (!(await this.kept.restore(name))) return false;
    } catch (error) {
      const detail = `The tokens of ${name} could not be put back into its file: ${describeError(error)}.`;
      throw new Problem(503, 'not_written', detail);
    }
    await this.registry.reload();
    return true;
  }
}
