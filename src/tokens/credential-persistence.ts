import { Inject, Injectable, Logger } from '@nestjs/common';
import { limits } from '../config/limits.js';
import { describeError } from '../runtime/pool-error.js';
import { type CredentialFile, CredentialStore } from './credential-store.js';
import { Secret } from '../runtime/secret.js';
import { CredentialVault } from './credential-vault.js';
import { type Credential, isNewerGeneration, isProvenNewer, renewed } from './credential-file/credential.js';
import type { PendingTokenRequest } from './journal/journal-entry.js';
import type { LockedJournal } from './journal/journal-file.js';
import { RefreshJournal } from './journal/refresh-journal.js';
import { idle, REFRESH_STEP_WATCHER, type RefreshStepWatcher } from './refresh-state.js';
import { pendingRequestOf, fingerprintOf, type StoredCredential, unsavedEntry } from './stored-credential.js';
import { RefreshFailedError } from './tokens.errors.js';

/** Moves newly issued tokens from the journal to the credential file, then to memory. */
@Injectable()
export class CredentialPersistence {
  private readonly logger = new Logger(CredentialPersistence.name);

  constructor(
    private readonly vault: CredentialVault,
    private readonly store: CredentialStore,
    private readonly journal: RefreshJournal,
    @Inject(REFRESH_STEP_WATCHER) private readonly onStep: RefreshStepWatcher,
  ) {}

  /**
   * Loads the pool folder into the vault, finishes the interrupted refreshes of new accounts, and retries failed
   * writes. `needed`: accounts whose tokens stay in memory even without a file.
   */
  async load(needed: ReadonlySet<string> = new Set()): Promise<CredentialFile[]> {
    const { files, added } = await this.vault.load(needed);
    for (const id of added) await this.finishInterrupted(id);
    await this.saveUnsaved();
    return files;
  }

  /**
   * Runs work on an account's file while this process does not refresh the account. Waits for a refresh in progress
   * and writes its tokens to the file first.
   * @throws RefreshFailedError when that refresh is still waiting for a response after `lockPatienceMs`
   */
  async exclusively<T>(id: string, work: () => Promise<T>): Promise<T> {
    const name = this.vault.find(id)?.name ?? null;
    await using locked = await this.journal.lock(id, limits.lockPatienceMs, name);
    if (locked === null)
      throw new RefreshFailedError(name ?? id, 'a refresh in progress has no response yet');
    await this.saveLocked(id, locked);
    return await work();
  }

  /** Retries failed writes, and waits for those in progress. Nothing is written afterwards. */
  async close(): Promise<void> {
    await this.saveUnsaved();
    await this.journal.close();
  }

  /** Retries token-file writes that failed. One account's failure does not affect the others. */
  async saveUnsaved(): Promise<void> {
    for (const { id, name, unsaved } of this.vault.list()) {
      if (unsaved === null) continue;
      try {
        await using locked = await this.journal.lock(id, 0, name);
        if (locked !== null) await this.saveLocked(id, locked); // else another refresh holds the lock and saves them
      } catch (error) {
        this.logger.error('tokens could not be saved', { account: name, reason: describeError(error) });
      }
    }
  }

  /**
   * Stores newly issued tokens that are already in the journal: in the file, then in memory; in memory alone if the
   * file cannot be written. `spent`: fingerprints of the refresh tokens that they replace.
   */
  async save(
    before: StoredCredential,
    issued: Credential,
    spent: readonly string[],
    locked: LockedJournal,
    shouldBackUpFile = false,
  ): Promise<StoredCredential> {
    // The file may have been renamed meanwhile, or newer tokens may have been adopted from it.
    const now = this.vault.find(before.id) ?? before;
    const isOther = now.credential !== before.credential;
    if (isOther && isNewerGeneration(issued, now.credential)) {
      this.logger.warn('issued tokens are older than those in use; ignoring them', { account: now.name });
      await this.clearJournal(now, locked);
      return now;
    }
    const unsaved = {
      reason: 'not written yet',
      inFile: now.unsaved === null ? fingerprintOf(now.credential) : now.unsaved.inFile,
      spent,
      shouldBackUpFile: isOther || shouldBackUpFile || (now.unsaved?.shouldBackUpFile ?? false),
      ...(now.unsaved?.brokenFile === undefined ? {} : { brokenFile: { keptIn: null } }),
    };
    const hasNewAccess = !issued.accessToken.equals(now.credential.accessToken);
    const grantedAt = hasNewAccess ? issued.lastRefreshAt : now.grantedAt;
    return await this.writeFile({ ...now, credential: issued, grantedAt, unsaved, refresh: idle }, locked);
  }

  /**
   * Finishes an interrupted refresh from its journal entry. Issued tokens are stored. Without a response the account
   * is in doubt: its refresh token may or may not have been used.
   */
  async finish(storedCredential: StoredCredential, locked: LockedJournal): Promise<StoredCredential> {
    const entry = await locked.entry();
    if (entry === null) return storedCredential;
    const { unsaved, asking } = entry;
    let now = storedCredential;
    if (unsaved !== null) {
      const issued = renewed(storedCredential.credential, unsaved.grant, unsaved.at);
      const isSpent = unsaved.spent.includes(fingerprintOf(storedCredential.credential) ?? '');
      if (isSpent || isProvenNewer(storedCredential.credential, issued)) {
        this.logger.log('finishing an interrupted refresh', { account: storedCredential.name });
        const shouldBackUpFile = !isSpent && storedCredential.unsaved === null;
        now = await this.save(storedCredential, issued, unsaved.spent, locked, shouldBackUpFile);
      }
    }
    if (asking !== null && asking.refreshToken === fingerprintOf(now.credential)) {
      const doubted = this.doubt(now, asking);
      if (now !== storedCredential && doubted.unsaved === null) await this.clearJournal(doubted, locked);
      return doubted; // the journal entry stays
    }
    if (now.unsaved === null) await this.clearJournal(now, locked); // the file has these tokens, or newer ones
    return now;
  }

  private async finishInterrupted(id: string): Promise<void> {
    await using locked = await this.journal.lock(id, 0, this.vault.get(id).name);
    if (locked === null) return; // another process is finishing it
    try {
      await this.finish(this.vault.get(id), locked);
    } catch (error) {
      this.logger.error('journal cannot be read', { id, reason: describeError(error) });
    }
  }

  private doubt(
    storedCredential: StoredCredential,
    { at: since, isAgain }: PendingTokenRequest,
  ): StoredCredential {
    const { refresh, name } = storedCredential;
    if (refresh.kind === 'refused') return storedCredential; // the endpoint has decided
    if (refresh.kind === 'in-doubt' && refresh.since >= since) return storedCredential;
    const reason = 'a refresh was interrupted; its response is unknown';
    if (refresh.kind !== 'in-doubt') this.logger.warn(reason, { account: name });
    return this.vault.change(storedCredential, { kind: 'left-in-doubt', since, isAgain, reason });
  }

  private async saveLocked(id: string, locked: LockedJournal): Promise<void> {
    const known = this.vault.find(id);
    if (known === null || known.unsaved === null) return;
    const read = await this.vault.readAgain(known);
    // Another process may have refreshed since.
    const storedCredential = read.unsaved === null ? read : await this.finish(read, locked);
    if (storedCredential.unsaved === null) return await this.clearJournal(storedCredential, locked);
    if (!locked.hasTokens) await this.journalTokens(storedCredential, locked);
    // A broken file waits for the operator.
    if (typeof storedCredential.unsaved.brokenFile?.keptIn !== 'string')
      await this.writeFile(storedCredential, locked);
  }

  /**
   * Writes tokens that their file lacks to the journal. A journal that does not take them is no fault here. `text`: what
   * is about to be written in place.
   */
  async journalTokens(
    storedCredential: StoredCredential,
    locked: LockedJournal,
    text: string | null = null,
  ): Promise<void> {
    const { id, name } = storedCredential;
    const entry = unsavedEntry(storedCredential);
    const file = text === null ? null : { id, name, text: new Secret(text) };
    try {
      await locked.write({
        unsaved: entry && { ...entry, file },
        asking: pendingRequestOf(storedCredential),
      });
    } catch (error) {
      this.logger.debug('the journal still cannot be written', {
        account: storedCredential.name,
        reason: describeError(error),
      });
    }
  }

  private async writeFile(
    storedCredential: StoredCredential,
    locked: LockedJournal,
  ): Promise<StoredCredential> {
    const { name, credential, unsaved } = storedCredential;
    if (unsaved === null) return storedCredential;
    let { shouldBackUpFile } = unsaved;
    try {
      if (shouldBackUpFile) await this.store.backUp(name);
      shouldBackUpFile = false; // one copy is enough, however often the write fails
      // A file with a spent token is replaceable, too: a reload that read it just before our last write reports it as older.
      await this.store.write(name, credential, [unsaved.inFile, ...unsaved.spent], async (text) => {
        await this.journalTokens(storedCredential, locked, text);
      });
    } catch (error) {
      const where = locked.hasTokens ? 'in the journal' : 'only in memory';
      const reason = `new tokens are ${where}; their file cannot be written: ${describeError(error)}`;
      if (reason !== unsaved.reason)
        this.logger.error('refreshed tokens could not be written', { account: name, reason });
      const stillUnsaved = { ...unsaved, shouldBackUpFile, reason };
      const inMemory = this.vault.put({ ...storedCredential, unsaved: stillUnsaved });
      this.onStep('in-memory', name);
      return inMemory;
    }
    this.onStep('written', name);
    this.logger.log('token refreshed', { account: name, expiresAt: credential.expiresAt });
    const saved = this.vault.put({ ...storedCredential, unsaved: null });
    this.onStep('in-memory', name);
    await this.clearJournal(saved, locked);
    return saved;
  }

  /** Removes tokens that are in the file; keeps the note that a refresh is in doubt. */
  async clearJournal(storedCredential: StoredCredential, locked: LockedJournal): Promise<void> {
    if (!locked.isOnDisk) return;
    const asking = pendingRequestOf(storedCredential);
    try {
      await locked.write({ unsaved: null, asking });
      if (asking === null) this.onStep('journal-cleared', storedCredential.name);
    } catch (error) {
      // Harmless: the file has the same tokens, and the next start compares them.
      const { name: account } = storedCredential;
      this.logger.warn('journal could not be cleared', { account, reason: describeError(error) });
    }
  }
}
