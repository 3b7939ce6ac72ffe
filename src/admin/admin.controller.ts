import {
  BadRequestException,
  Controller,
  Get,
  HttpCode,
  NotFoundException,
  Param,
  Post,
  Query,
} from '@nestjs/common';
import { AccountRegistry, type ReloadResult } from '../accounts/account-registry.js';
import { AccountSelector } from '../accounts/account-selector.js';
import { type Decision, DecisionLog } from '../accounts/decision-log.js';
import { limits } from '../limits.js';
import { QuotaService } from '../usage/quota.service.js';
import { UsageService } from '../usage/usage.service.js';
import { type AccountView, accountView, brokenView } from './account-view.js';

/** The operator's view of the pool. */
@Controller('admin')
export class AdminController {
  constructor(
    private readonly registry: AccountRegistry,
    private readonly selector: AccountSelector,
    private readonly quota: QuotaService,
    private readonly usage: UsageService,
    private readonly decisions: DecisionLog,
  ) {}

  /** All accounts by name, and the files that are none with their reason. */
  @Get('accounts')
  accounts(): AccountView[] {
    const accounts = this.selector
      .consider()
      .map(({ account, unavailable }) =>
        accountView(account, unavailable, this.quota.windows(account.id), this.usage.totals(account.id)),
      );
    const broken = this.registry.broken().map(({ name, reason }) => brokenView(name, reason));
    return [...accounts, ...broken].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  @Get('accounts/:name')
  account(@Param('name') name: string): AccountView {
    const found = this.accounts().find((it) => it.name === name);
    if (found === undefined)
      throw new NotFoundException(`There is no account ${name.slice(0, 100)} in the pool.`);
    return found;
  }

  /** How the quota windows of an account went, oldest first; `since` is epoch ms, by default all that is kept. */
  @Get('accounts/:name/quota')
  async quotaHistory(@Param('name') name: string, @Query('since') since = '0') {
    const account = this.registry.list().find((it) => it.name === name);
    if (account === undefined) throw new NotFoundException('There is no such account in the pool.');
    if (!/^\d{1,16}$/.test(since)) throw new BadRequestException('since is a time in epoch ms.');
    return await this.quota.history(account.id, Number(since));
  }

  /** Reads the pool folder now. */
  @Post('reload')
  @HttpCode(200)
  reload(): Promise<ReloadResult[]> {
    return this.registry.reload();
  }

  /** The last requests, newest first, each with why it went where it went. */
  @Get('requests')
  requests(): Decision[] {
    return this.decisions.list(limits.decisions);
  }

  @Get('requests/:id')
  request(@Param('id') id: string): Decision {
    const found = this.decisions.find(id);
    if (found === null) throw new NotFoundException('No such request is remembered; only the last ones are.');
    return found;
  }
}
