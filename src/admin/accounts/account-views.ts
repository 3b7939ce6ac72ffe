import { Inject, Injectable } from '@nestjs/common';
import { CLOCK, type Clock } from '../../runtime/clock.js';
import { AccountRegistry } from '../../accounts/account-registry.js';
import { AccountSelector } from '../../accounts/selection/account-selector.js';
import type { Account } from '../../accounts/account.js';
import { SharedLoginDetector } from '../../clients/shared-login-detector.js';
import { KeptTokens } from '../../tokens/kept-tokens.js';
import { QuotaService } from '../../usage/quota.service.js';
import { UsageService } from '../../usage/usage.service.js';
import type { AccountView } from '../../api/account.js';
import { accountView, brokenView } from './account-view.js';
import { Problem } from '../problems/problem.js';

/** Finds accounts by name, and builds their views for the operator. */
@Injectable()
export class AccountViews {
  constructor(
    private readonly registry: AccountRegistry,
    private readonly kept: KeptTokens,
    private readonly selector: AccountSelector,
    private readonly sharedLogins: SharedLoginDetector,
    private readonly quota: QuotaService,
    private readonly usage: UsageService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** Returns all accounts and broken files, by name. */
  all(): AccountView[] {
    const accounts = this.selector.assess().map((it) => this.viewOf(it));
    const now = this.clock.now();
    const broken = this.registry
      .broken()
      .map(({ name, reason }) => brokenView(name, reason, this.kept.whereKept(name), now));
    return [...accounts, ...broken].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Returns an account or a broken file. @throws Problem if neither exists */
  named(name: string): AccountView {
    const namesakes = this.selector.assess().filter(({ account }) => account.name === name);
    // An account without a file may still have turns in flight while another account uses its name.
    const found = namesakes.find(({ account }) => account.withdrawal === null);
    if (found !== undefined) return this.viewOf(found);
    const other = this.all().find((it) => it.name === name);
    if (other === undefined) throw unknownAccount(name);
    return other;
  }

  /** Returns the account of this name. @throws Problem if no account with a usable file has this name */
  account(name: string): Account {
    const account = this.registry.list().find((it) => it.name === name && it.withdrawal === null);
    if (account !== undefined) return account;
    const { reason, warnings } = this.named(name);
    const why = [reason ?? 'unknown', ...warnings].join('; ');
    throw new Problem(404, 'no_account', `${name} is not a usable account: ${why}.`);
  }

  private viewOf({ account, ...assessment }: ConsideredCandidate): AccountView {
    const { id } = account;
    return accountView(account, assessment, {
      sharedLoginWarning: this.sharedLogins.warning(account),
      quota: this.quota.quota(id),
      totals: this.usage.totals(id),
      today: this.usage.today(id),
      now: this.clock.now(),
    });
  }
}

type ConsideredCandidate = ReturnType<AccountSelector['assess']>[number];

function unknownAccount(name: string): Problem {
  return new Problem(404, 'no_account', `There is no account ${name.slice(0, 100)} in the pool.`);
}
