import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { CLOCK, type Clock } from '../clock.js';
import type { CredentialFile } from '../tokens/credential-store.js';
import { type Keeping, TokenService } from '../tokens/token.service.js';
import { type AccountEvent, learn } from './account-evidence.js';
import { Account, identityOf } from './account.js';

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
    private readonly tokens: TokenService,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    tokens.onChange((keeping) => this.follow(keeping));
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
    const tokensBefore = new Map(this.accounts.map((it) => [it.id, it.keeping.credential]));
    const files = await this.tokens.load();
    const now = new Map<string, Account>();
    const broken: BrokenFile[] = [];
    const results = files.map((file): ReloadResult => {
      const { name } = file;
      const reason = file.kind === 'broken' ? file.reason : this.place(file, before, now);
      if (reason !== null) {
        broken.push({ name, reason });
        return { name, result: 'broken', reason };
      }
      const account = [...now.values()].at(-1);
      const known = account === undefined ? undefined : tokensBefore.get(account.id);
      if (known === undefined) return { name, result: 'added', reason: null };
      return { name, result: known === account?.keeping.credential ? 'unchanged' : 'updated', reason: null };
    });
    this.accounts = [...now.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    this.brokenFiles = broken;
    const names = new Set(files.map((it) => it.name));
    const gone = [...before.values()].filter((it) => !now.has(it.id) && !names.has(it.name));
    const all = [
      ...results,
      ...gone.map((it) => ({ name: it.name, result: 'removed' as const, reason: null })),
    ];
    for (const { name, result, reason } of all) {
      if (result === 'broken') this.logger.warn('credential file cannot be used', { account: name, reason });
      else if (result !== 'unchanged') this.logger.log(`account ${result}`, { account: name });
    }
    return all;
  }

  /** Puts the account of a file in its place; a reason when it has none. */
  private place(
    file: CredentialFile & { kind: 'ok' },
    before: ReadonlyMap<string, Account>,
    now: Map<string, Account>,
  ): string | null {
    const keeping = this.tokens.find(file.name);
    if (keeping === null) return 'the file vanished while it was read';
    const id = identityOf(keeping);
    const twin = now.get(id);
    if (twin !== undefined) return `the same account as ${twin.name}.json, which serves it`;
    const account = before.get(id) ?? new Account(id, keeping);
    account.keeping = keeping;
    now.set(id, account);
    return null;
  }

  /** New tokens or a new refresh state of an account that is already here. */
  private follow(keeping: Keeping): void {
    const account = this.accounts.find((it) => it.name === keeping.name);
    if (account === undefined || identityOf(keeping) !== account.id) return;
    const isRenewed = account.keeping.credential !== keeping.credential;
    account.keeping = keeping;
    if (isRenewed) this.learn(account, { kind: 'credential-renewed', at: this.clock.now() });
  }
}
