import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { CLOCK, type Clock } from '../clock.js';
import { type Credential, identityOf } from '../tokens/credential.js';
import { CredentialVault, type Keeping } from '../tokens/credential-vault.js';
import { type AccountEvent, learn } from './account-evidence.js';
import { Account, type AccountSettings } from './account.js';
import { SettingsStore } from './settings-store.js';

/** A credential file that is no account, and why. */
export interface BrokenFile {
  readonly name: string;
  readonly reason: string;
}

/** What reading the pool folder did to one file. */
export interface ReloadResult {
  readonly name: string;
  readonly result: 'added' | 'updated' | 'unchanged' | 'broken' | 'removed';
  readonly reason: string | null;
}

/** The pool in memory. Reading the folder again touches only the accounts whose files have changed. */
@Injectable()
export class AccountRegistry implements OnModuleInit {
  private readonly logger = new Logger(AccountRegistry.name);
  private accounts: readonly Account[] = [];
  private brokenFiles: readonly BrokenFile[] = [];
  private reloading: Promise<ReloadResult[]> = Promise.resolve([]);

  constructor(
    private readonly vault: CredentialVault,
    private readonly settings: SettingsStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    vault.onChange((keeping) => this.follow(keeping));
  }

  async onModuleInit(): Promise<void> {
    await this.reload();
  }

  /** All accounts, by name. */
  list(): readonly Account[] {
    return this.accounts;
  }

  /** Credential files that are no account. */
  broken(): readonly BrokenFile[] {
    return this.brokenFiles;
  }

  findById(id: string): Account | null {
    return this.accounts.find((it) => it.id === id) ?? null;
  }

  /** The first account, by name, of this ChatGPT account id (the header `chatgpt-account-id`). */
  findByAccountId(accountId: string): Account | null {
    return this.accounts.find((it) => it.keeping.credential.accountId === accountId) ?? null;
  }

  /** Takes note of something that was learned of an account. */
  learn(account: Account, event: AccountEvent): void {
    const before = account.evidence;
    account.evidence = learn(before, event);
    if (account.evidence.refusal !== before.refusal && account.evidence.refusal !== null) {
      const { kind, until } = account.evidence.refusal;
      this.logger.warn('account is out', {
        account: account.name,
        reason: kind,
        until: new Date(until).toISOString(),
      });
    }
    if (account.evidence.deactivated !== null && before.deactivated === null) {
      this.logger.error('account is deactivated', {
        account: account.name,
        code: account.evidence.deactivated.code,
      });
    }
  }

  /** Reads all credential files now; two calls never read at the same time. */
  reload(): Promise<ReloadResult[]> {
    const next = this.reloading.then(
      () => this.reloadNow(),
      () => this.reloadNow(),
    );
    this.reloading = next;
    return next;
  }

  private async reloadNow(): Promise<ReloadResult[]> {
    const before = new Map(this.accounts.map((it) => [it.id, it]));
    const credentials = new Map(this.accounts.map((it) => [it.id, it.keeping.credential]));
    const files = await this.vault.load();
    const now = files.flatMap((file) => {
      const keeping = file.kind === 'ok' ? this.vault.find(identityOf(file.name, file.credential)) : null;
      return keeping === null ? [] : [this.placed(keeping, before)];
    });
    this.accounts = now;
    this.brokenFiles = files.flatMap((it) =>
      it.kind === 'broken' ? [{ name: it.name, reason: it.reason }] : [],
    );
    const results: ReloadResult[] = [
      ...now.map((it) => ({ name: it.name, result: changeOf(it, credentials.get(it.id)), reason: null })),
      ...this.brokenFiles.map((it) => ({ ...it, result: 'broken' as const })),
      ...this.goneSince(before).map((name) => ({ name, result: 'removed' as const, reason: null })),
    ];
    for (const { name, result, reason } of results) {
      if (result === 'broken') this.logger.warn('credential file cannot be used', { account: name, reason });
      else if (result !== 'unchanged') this.logger.log(`account ${result}`, { account: name });
    }
    return results.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The account of a credential: the one that was there before, with all that is known of it, or a new one. */
  private placed(keeping: Keeping, before: ReadonlyMap<string, Account>): Account {
    const known = before.get(keeping.id);
    const account = known ?? new Account(keeping.id, keeping);
    if (known === undefined) account.settings = this.settings.of(keeping.id);
    account.keeping = keeping;
    return account;
  }

  /** The operator's word on an account, for now and for the next start. */
  configure(account: Account, settings: AccountSettings): void {
    account.settings = settings;
    this.settings.save(account.id, settings);
  }

  private goneSince(before: ReadonlyMap<string, Account>): string[] {
    const present = new Set([...this.accounts, ...this.brokenFiles].map((it) => it.name));
    const ids = new Set(this.accounts.map((it) => it.id));
    return [...before.values()].filter((it) => !ids.has(it.id) && !present.has(it.name)).map((it) => it.name);
  }

  /** New tokens or a new refresh state of an account that is already here. */
  private follow(keeping: Keeping): void {
    const account = this.findById(keeping.id);
    if (account === null) return;
    const isRenewed = account.keeping.credential !== keeping.credential;
    account.keeping = keeping;
    if (isRenewed) this.learn(account, { kind: 'credential-renewed', at: this.clock.now() });
  }
}

function changeOf(account: Account, before: Credential | undefined): 'added' | 'updated' | 'unchanged' {
  if (before === undefined) return 'added';
  return before === account.keeping.credential ? 'unchanged' : 'updated';
}
