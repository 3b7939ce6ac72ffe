import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { limits } from '../config/limits.js';
import { describeError } from '../runtime/pool-error.js';
import { type CredentialFile, CredentialStore } from './credential-store.js';
import { type Credential, identityOf } from './credential.js';
import type { LockedJournal } from './journal-file.js';
import { afterReading, type StoredCredential } from './stored-credential.js';
import { CredentialCache } from './credential-cache.js';
import { RefreshJournal } from './refresh-journal.js';
import type { RefreshEvent } from './refresh-state.js';
import { CredentialPersistence } from './credential-persistence.js';
import { RefreshFailedError } from './tokens.errors.js';
import { withoutDuplicates } from './duplicate-credentials.js';

/** Owns the credentials: the newest tokens of each account, in memory and in its file. */
@Injectable()
export class CredentialVault {
  private readonly logger = new Logger(CredentialVault.name);
  /** Accounts that had a file when the folder was last read. */
  private filed: ReadonlySet<string> = new Set();

  constructor(
    private readonly kept: CredentialCache,
    private readonly store: CredentialStore,
    private readonly journal: RefreshJournal,
    private readonly saving: CredentialPersistence,
  ) {}

  /** Calls back whenever the tokens, the refresh state or a warning of an account changes. */
  onChange(watcher: (storedCredential: StoredCredential) => void): void {
    this.kept.onChange(watcher);
  }

  /**
   * Reads all files again, by difference: the newer tokens of file and memory are kept, and tokens that no file has
   * yet outlive a file that is gone or broken, as do those of the accounts named. A refresh that a crash has cut off
   * is finished for accounts that were not known before. Of two files of one account only the one with the newest
   * tokens is used: two owners of one token family would end each other.
   */
  async load(needed: ReadonlySet<string> = new Set()): Promise<CredentialFile[]> {
    const files = withoutDuplicates(await this.store.readAll());
    const present = new Set<string>();
    for (const file of files) {
      if (file.kind !== 'ok') continue;
      const id = identityOf(file.name, file.credential);
      present.add(id);
      const mine = this.kept.find(id);
      this.kept.put(afterReading(mine, file));
      if (mine === null) await this.finishLeftOver(id);
    }
    this.filed = present;
    for (const { id, unsaved } of this.kept.list())
      if (!present.has(id) && !needed.has(id) && unsaved === null) this.forget(id);
    await this.saving.saveUnsaved();
    return files;
  }

  /** Nobody needs the tokens of this account any more; its file, if it has one, is read anew. */
  forget(id: string): void {
    this.kept.forget(id);
  }

  list(): readonly StoredCredential[] {
    return this.kept.list();
  }

  /** Those with a file: who has moved a file away wants its refresh token as it is. */
  listFiled(): readonly StoredCredential[] {
    return this.list().filter((it) => this.filed.has(it.id));
  }

  find(id: string): StoredCredential | null {
    return this.kept.find(id);
  }

  /** @throws RefreshFailedError when there is no such credential (any more). */
  get(id: string): StoredCredential {
    return this.kept.get(id);
  }

  /**
   * Takes the tokens of the file when they are newer than ours: Codex may share it with us. Null otherwise.
   * @throws RefreshFailedError when the file holds another account by now
   */
  async adopt(mine: StoredCredential): Promise<StoredCredential | null> {
    return this.kept.adopt(mine, await this.readWhole(mine.name));
  }

  /** Codex may be writing the file at this moment: what cannot be used is looked at again for a while. */
  private async readWhole(name: string): Promise<CredentialFile> {
    const until = performance.now() + limits.partialWriteMs;
    for (;;) {
      const file = await this.store.read(name);
      const isPartial = file.kind === 'broken' && file.isMissing !== true;
      if (!isPartial || performance.now() >= until) return file;
      await pause(limits.lockRetryMs);
    }
  }

  /** Moves the refresh of an account to its next state. */
  change(storedCredential: StoredCredential, event: RefreshEvent): StoredCredential {
    return this.kept.change(storedCredential, event);
  }

  /** Keeps newly issued tokens, which the journal holds already; `spent`: the refresh tokens that they make useless. */
  async keep(
    before: StoredCredential,
    issued: Credential,
    spent: readonly string[],
    held: LockedJournal,
  ): Promise<StoredCredential> {
    return await this.saving.keep(before, issued, spent, held);
  }

  /** Finishes what the journal tells of an unfinished refresh. */
  async finish(storedCredential: StoredCredential, held: LockedJournal): Promise<StoredCredential> {
    return await this.saving.finish(storedCredential, held);
  }

  /**
   * Runs work on the file of an account while nobody refreshes it here: a refresh under way is waited for, and its
   * tokens are in the file before.
   * @throws RefreshFailedError when it still has no answer after a while
   */
  async undisturbed<T>(id: string, work: () => Promise<T>): Promise<T> {
    await using held = await this.journal.hold(id, limits.lockPatienceMs, this.find(id)?.name ?? null);
    if (held === null) {
      const name = this.find(id)?.name ?? id;
      throw new RefreshFailedError(name, 'a refresh that is under way has no answer yet');
    }
    await this.saving.saveHeld(id, held);
    return await work();
  }

  /** Tries again to write what the disk has refused before. */
  async saveUnsaved(): Promise<void> {
    await this.saving.saveUnsaved();
  }

  private async finishLeftOver(id: string): Promise<void> {
    const { name } = this.kept.get(id);
    await using held = await this.journal.hold(id, 0, name);
    if (held === null) return; // another process is at it
    try {
      await this.saving.finish(this.kept.get(id), held);
    } catch (error) {
      this.logger.error('journal cannot be read', { id, reason: describeError(error) });
    }
  }
}
