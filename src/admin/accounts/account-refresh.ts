import { Inject, Injectable } from '@nestjs/common';
import type { Account } from '../../accounts/account.js';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { TokenService } from '../../tokens/token.service.js';
import { NeedsLoginError, RefreshFailedError } from '../../tokens/tokens.errors.js';
import { Problem } from '../problems/problem.js';

/** Refreshes the token of an account at the operator's request. */
@Injectable()
export class AccountRefresh {
  constructor(
    private readonly tokens: TokenService,
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
}
