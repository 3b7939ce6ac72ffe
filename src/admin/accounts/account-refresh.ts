import { Inject, Injectable } from '@nestjs/common';
import type { Account } from '../../accounts/account.js';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { TokenService } from '../../tokens/token.service.js';
import { NeedsLoginError, RefreshFailedError } from '../../tokens/tokens.errors.js';
import { Problem } from '../problems/problem.js';

/** Renews the token of an account because the operator asks for it. */
@Injectable()
export class AccountRefresh {
  constructor(
    private readonly tokens: TokenService,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
  ) {}

  /** Also when it is not due. @throws Problem when there is no new token afterwards */
  async refresh(account: Account): Promise<void> {
    if (this.config.refreshDisabled) {
      throw new Problem(
        409,
        'refresh_disabled',
        'Tokens are never renewed here: PROXY_DISABLE_REFRESH is 1.',
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
