import { Controller, HttpCode, HttpStatus, Inject, Logger, Param, Post } from '@nestjs/common';
import { QuotaPoll } from '../../accounts/quota-poll.js';
import { AccountRegistry } from '../../accounts/account-registry.js';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { describeError } from '../../runtime/pool-error.js';
import { AccountRefresh } from './account-refresh.js';
import type { AccountView } from '../../api/account.js';
import { AccountViews } from './account-views.js';
import { StoredChange, type StoredChangeView } from './stored-change.js';
import { Problem } from '../problems/problem.js';

/** The operator's actions on an account. Each responds with the account's new state. */
@Controller('admin/accounts/:name')
export class AccountActionsController {
  private readonly logger = new Logger(AccountActionsController.name);

  constructor(
    private readonly views: AccountViews,
    private readonly renewal: AccountRefresh,
    private readonly quotaPoll: QuotaPoll,
    private readonly registry: AccountRegistry,
    private readonly change: StoredChange,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Refreshes the token, due or not. If the file is broken and its tokens were kept, puts them back instead. */
  @Post('refresh')
  @HttpCode(HttpStatus.OK)
  async refresh(@Param('name') name: string): Promise<AccountView> {
    if (!(await this.renewal.restore(name))) await this.renewal.refresh(this.views.account(name));
    return this.views.named(name);
  }

  /** Clears the evidence against the account. Spent quota windows stay. `persisted`: whether that is stored. */
  @Post('reset')
  @HttpCode(HttpStatus.OK)
  async reset(@Param('name') name: string): Promise<StoredChangeView> {
    this.registry.learn(this.views.account(name), { kind: 'reset', at: this.clock.now() });
    this.logger.log('account reset by the operator', { account: name });
    return await this.change.describe(this.views.named(name));
  }

  /** Asks upstream for the account's quota. */
  @Post('poll')
  @HttpCode(HttpStatus.OK)
  async poll(@Param('name') name: string): Promise<AccountView> {
    const account = this.views.account(name);
    try {
      await this.quotaPoll.poll(account);
    } catch (error) {
      throw new Problem(
        502,
        'poll_failed',
        `The quota of ${name} could not be polled: ${describeError(error)}.`,
      );
    }
    return this.views.named(name);
  }
}
