import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { accountWords } from '../wording/account-words.js';
import { CLOCK, type Clock } from '../runtime/clock.js';
import { Drain } from '../runtime/drain.js';
import { limits } from '../config/limits.js';
import { CredentialPersistence } from '../tokens/credential-persistence.js';
import type { CredentialFile } from '../tokens/credential-store.js';
import { CredentialVault } from '../tokens/credential-vault.js';
import { KeptTokens } from '../tokens/kept-tokens.js';
import type { StoredCredential } from '../tokens/stored-credential.js';
import { changedRefusals } from './evidence/account-evidence.js';
import { learn } from './evidence/evidence-learning.js';
import type { AccountEvent } from './evidence/account-event.js';
import { Account, type AccountSettings } from './account.js';
import { stateOfReason } from './account-state.js';
import { EvidenceStore } from './evidence/evidence-store.js';
import { diffOf } from './pool-folder/pool-diff.js';
import { PoolFolder } from './pool-folder/pool-folder.js';
import { type BrokenFile, logReload, merged, type ReloadResult } from './pool-folder/reload-report.js';
import { SettingsStore } from './settings-store.js';

/** The pool's accounts, in memory. A reload changes only the accounts whose files have changed. */
@Injectable()
export class AccountRegistry implements OnModuleInit {
  private readonly logger = new Logger(AccountRegistry.name);
  private accounts: readonly Account[] = [];
  private brokenFiles: readonly BrokenFile[] = [];
  private reading: Promise<unknown> = Promise.resolve();
  private readonly watchers: ((account: Account) => void)[] = [];
  private changes = 0;

  constructor(
    private readonly vault: CredentialVault,
    private readonly persistence: CredentialPersistence,
    private readonly kept: KeptTokens,
    private readonly settings: SettingsStore,
    private readonly evidence: EvidenceStore,
    private readonly folder: PoolFolder,
    private readonly drain: Drain,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    vault.onChange((now, before) => this.follow(now, before));
  }

  async onModuleInit(): Promise<void> {
    await this.folder.noteReading();
    this.take(await this.persistence.load(), new Set(), new Map()); // startup does not wait for partial writes
    await this.kept.keepAll(this.brokenFiles.map((it) => it.name));
  }

  /**
   * Grows with every change to an account: its file, login, settings or evidence. Slots, quota and totals are not
   * counted.
   */
  get version(): number {
    return this.changes;
  }

  /** All accounts, by name. Accounts whose file is gone stay listed while their turns are in flight. */
  list(): readonly Account[] {
    return this.accounts;
  }

  /** The credential files that cannot be used. */
  broken(): readonly BrokenFile[] {
    const leaving = new Set(this.accounts.filter((it) => it.withdrawal !== null).map((it) => it.name));
    return this.brokenFiles.filter((it) => !leaving.has(it.name));
  }

  findById(id: string): Account | null {
    return this.accounts.find((it) => it.id === id) ?? null;
  }

  /** Returns the first account by name with this ChatGPT account id (header `chatgpt-account-id`); null if none. */
  findByAccountId(accountId: string): Account | null {
    const named = this.accounts.filter((it) => it.storedCredential.credential.accountId === accountId);
    return named.find((it) => it.withdrawal === null) ?? null;
  }

  /** Adds evidence about an account. */
  learn(account: Account, event: AccountEvent): void {
    const before = account.evidence;
    account.evidence = learn(before, event);
    if (account.evidence === before) return; // nothing new
    this.changes += 1;
    const changed = changedRefusals(before, account.evidence);
    if (changed.length > 0) account.waiters.wakeAll(); // waiting requests may choose another account
    this.evidence.note(account);
    for (const { scope, refusal } of changed) {
      if (refusal === null) continue;
      this.logger.warn(
        scope === 'account' ? 'account is unavailable' : 'account is unavailable for some requests',
        {
          account: account.name,
          scope,
          state: accountWords[stateOfReason[refusal.kind]],
          reason: refusal.kind,
          until: new Date(refusal.until).toISOString(),
        },
      );
    }
    if (account.evidence.deactivated !== null && before.deactivated === null) {
      this.logger.error('account is deactivated', {
        account: account.name,
        state: accountWords.deactivated,
        code: account.evidence.deactivated.code,
      });
    }
  }

  /** Calls back when an account is withdrawn: its file is gone or unusable. */
  onWithdraw(watcher: (account: Account) => void): void {
    this.watchers.push(watcher);
  }

  /** Records that a person has logged in to the account again, by name; earlier refusals no longer count. */
  loggedIn(name: string): void {
    const account = this.accounts.find((it) => it.name === name);
    if (account !== undefined) this.learn(account, { kind: 'logged-in', at: this.clock.now() });
  }

  /** Sets and stores the operator's settings of an account. */
  configure(account: Account, settings: AccountSettings): void {
    account.settings = settings;
    this.changes += 1;
    account.waiters.wakeAll();
    this.settings.save(account.id, settings);
  }

  /**
   * Reads all credential files now; calls run one after another. Waits for files that may be partly written;
   * their accounts keep serving meanwhile. Rejects if the folder cannot be read; nothing changes then.
   */
  async reload(): Promise<ReloadResult[]> {
    const readings: (readonly ReloadResult[])[] = [];
    for (;;) {
      const { results, isComplete } = await this.inTurn(() => this.read());
      readings.push(results);
      if (isComplete || this.drain.isDraining) return merged(readings);
      await pause(limits.partialWriteCheckMs, undefined, { ref: false });
    }
  }

  private inTurn<T>(task: () => Promise<T>): Promise<T> {
    const next = this.reading.then(task, task);
    this.reading = next;
    return next;
  }

  private async read(): Promise<{ results: readonly ReloadResult[]; isComplete: boolean }> {
    const withFile = this.accounts.filter((it) => it.withdrawal === null);
    const namesBefore = new Map(withFile.map((it) => [it.id, it.name]));
    await this.folder.noteReading();
    const files = await this.persistence.load(new Set(this.accounts.map((it) => it.id)));
    const shown = new Set(this.brokenFiles.map((it) => it.name));
    const newlyBroken = files.filter((it) => it.kind === 'broken' && !shown.has(it.name));
    const underWay = await this.folder.partialWrite(newlyBroken.map((it) => it.name));
    const results = this.take(files, underWay, namesBefore);
    await this.kept.keepAll(this.brokenFiles.map((it) => it.name));
    return { results, isComplete: underWay.size === 0 };
  }

  /** Applies the difference synchronously, so that no caller sees half of it. */
  private take(
    files: readonly CredentialFile[],
    underWay: ReadonlySet<string>,
    namesBefore: ReadonlyMap<string, string>,
  ): readonly ReloadResult[] {
    const find = (id: string) => this.vault.find(id);
    const difference = diffOf({ accounts: this.accounts, namesBefore, files, underWay, find });
    const { present, withdrawn, waiting, broken, results } = difference;
    logReload(this.logger, results, this.brokenFiles);
    this.changes += 1;
    this.brokenFiles = broken;
    const accounts = present.map(({ storedCredential, known }) => this.placed(storedCredential, known));
    this.accounts = [...accounts, ...waiting, ...withdrawn.map((it) => it.account)].toSorted((a, b) =>
      a.name < b.name ? -1 : 1,
    );
    for (const { account, withdrawal } of withdrawn) {
      if (withdrawal.isBroken === true) this.kept.lost(account.id);
      account.withdraw(withdrawal, () => this.dismiss(account));
      for (const watcher of this.watchers) watcher(account);
    }
    return results;
  }

  /** Returns the account of a credential: the known one with its evidence, or a new one. */
  private placed(storedCredential: StoredCredential, known: Account | null): Account {
    const account = known ?? this.createAccount(storedCredential);
    account.readmit();
    return account;
  }

  /** Creates an account, with the evidence from its last stay in the pool. */
  private createAccount(storedCredential: StoredCredential): Account {
    const stored = this.evidence.recall(storedCredential);
    const refused = storedCredential.refresh.kind === 'idle' ? (stored?.refused ?? null) : null;
    // The token endpoint has already refused this token for good, so it is not asked again.
    if (refused !== null) this.vault.change(storedCredential, { kind: 'refused-for-good', ...refused });
    const account = new Account(storedCredential.id, this.vault.slot(storedCredential.id));
    account.settings = this.settings.of(storedCredential.id);
    if (stored !== null) account.evidence = stored.evidence;
    return account;
  }

  /** Drops an account that has neither a file nor turns. Its rows in the database stay. */
  private dismiss(account: Account): void {
    this.accounts = this.accounts.filter((it) => it !== account);
    this.changes += 1;
    // Keep tokens that are in no file: the file may come back.
    if (account.storedCredential.unsaved === null) this.vault.forget(account.id);
  }

  /** Applies new tokens or a new refresh state to an account of the pool. */
  private follow(now: StoredCredential, before: StoredCredential | null): void {
    if (now.unsaved !== null) void this.kept.keep(now.id); // its file may be broken, and its account dismissed
    const account = this.findById(now.id);
    if (account === null || before === null) return;
    this.changes += 1;
    const { credential: previous } = before;
    if (previous !== now.credential)
      this.learn(account, {
        kind: 'credential-renewed',
        isRefresh: now.grantedAt !== null || now.credential.accessToken.equals(previous.accessToken),
        at: this.clock.now(),
      });
    else this.evidence.note(account); // its login may have been refused
    if (account.plan !== (account.polledPlan ?? previous.plan))
      this.learn(account, { kind: 'plan-changed', at: this.clock.now() });
  }
}
