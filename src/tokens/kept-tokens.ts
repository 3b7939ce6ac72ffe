import { Injectable, Logger } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { limits } from '../config/limits.js';
import { describeError } from '../runtime/pool-error.js';
import { SingleFlight } from '../runtime/single-flight.js';
import { CredentialPersistence } from './credential-persistence.js';
import { CredentialStore } from './credential-store.js';
import { CredentialVault } from './credential-vault.js';
import { identityOf } from './credential-file/credential.js';
import { RefreshJournal } from './journal/refresh-journal.js';
import { idle } from './refresh-state.js';
import { inNoFile, type StoredCredential } from './stored-credential.js';
import { RefreshFailedError } from './tokens.errors.js';

/**
 * Keeps the tokens of a file that another program has emptied or broken: in `.removed/`, in the journal, and in memory.
 * They come back with `restore`, or when a usable file of the account appears: the newest tokens then win, as always.
 */
@Injectable()
export class KeptTokens {
  private readonly logger = new Logger(KeptTokens.name);
  private readonly flights = new SingleFlight<void>();
  /** The newest copy of each broken file's tokens, by name. */
  private keptIn: ReadonlyMap<string, string> = new Map();
  /** The account that last lost the file of a name: several logins may have had that name. */
  private readonly lastLost = new LRUCache<string, string>({ max: limits.poolFiles });

  constructor(
    private readonly vault: CredentialVault,
    private readonly store: CredentialStore,
    private readonly journal: RefreshJournal,
    private readonly persistence: CredentialPersistence,
  ) {}

  /** Notes that an account's file is broken for good, so that its tokens outlive its last turn. Call `keep` afterwards. */
  lost(id: string): void {
    const known = this.vault.find(id);
    if (known === null || known.unsaved?.brokenFile !== undefined) return;
    this.lastLost.set(known.name, id);
    this.vault.put({ ...known, unsaved: inNoFile(known, null) });
  }

  /** Copies an account's tokens to `.removed/`, unless they are there already. A failure is logged; memory keeps them. */
  async keep(id: string): Promise<void> {
    if (isKept(this.vault.find(id))) return;
    await this.flights.run(id, async () => {
      let copied: StoredCredential['credential'] | null = null;
      // A turn that is still running may bring newer tokens meanwhile.
      for (let it = this.vault.find(id); it !== null && !isKept(it); it = this.vault.find(id)) {
        if (it.credential === copied) break; // the copy has failed
        await this.copy(it);
        copied = it.credential;
      }
      await this.persistence.saveUnsaved(); // the journal takes them, too
    });
  }

  private async copy({ id, name, credential }: StoredCredential): Promise<void> {
    try {
      const keptIn = await this.store.keep(name, credential);
      const now = this.vault.find(id);
      if (now?.credential === credential && now.unsaved !== null)
        this.vault.put({ ...now, unsaved: inNoFile(now, keptIn) });
      this.logger.warn('another program has broken the credential file; its last tokens are kept', {
        account: name,
        keptIn,
      });
    } catch (error) {
      this.logger.error('the tokens of a broken credential file could not be copied', {
        account: name,
        reason: describeError(error),
      });
    }
  }

  /** Copies the tokens of all files that are broken now, and finds earlier copies. `names`: the broken files. */
  async keepAll(names: readonly string[]): Promise<void> {
    for (const { id } of this.vault.list()) await this.keep(id);
    try {
      await this.store.removed.outdateKept(async (name, path) => await this.isOutdated(name, path));
      this.keptIn = await this.store.removed.newestKept(names);
    } catch (error) {
      this.logger.warn('the folder .removed cannot be used', { reason: describeError(error) });
    }
  }

  /** Returns where a broken file's tokens are kept, below the pool folder; null if nowhere, or if the file is usable. */
  whereKept(name: string): string | null {
    if (this.vault.listWithFile().some((it) => it.name === name)) return null;
    return this.inMemory(name)?.unsaved?.brokenFile?.keptIn ?? this.keptIn.get(name) ?? null;
  }

  /**
   * Puts the kept tokens of this name back into its file, through the journal, if the file is still broken. Returns
   * whether it did. The broken text, if any, is copied to `.removed/` first.
   * @throws RefreshFailedError when another process holds the account, or an error of the file system
   */
  async restore(name: string): Promise<boolean> {
    const kept = this.inMemory(name) ?? (await this.onDisk(name));
    if (kept === null) return false;
    await using locked = await this.journal.lock(kept.id, limits.lockPatienceMs, name);
    if (locked === null) throw new RefreshFailedError(name, 'another process is refreshing it');
    const before = this.vault.find(kept.id);
    this.vault.put(before ?? kept);
    const newest = await this.persistence.finish(this.vault.get(kept.id), locked); // the journal may have newer ones
    if (await this.isBroken(name)) {
      await this.persistence.journalTokens(newest, locked);
      await this.store.backUp(name);
    }
    // Read again, because another program may have written a usable file meanwhile.
    if (!(await this.isBroken(name))) {
      if (before === null && this.hasNoFile(kept.id)) this.vault.forget(kept.id);
      return false;
    }
    await this.store.recreate(name, newest.credential, kept.unsaved?.brokenFile?.keptIn ?? null);
    const now = this.vault.find(kept.id);
    if (now?.credential === newest.credential)
      // else a reload has adopted newer tokens
      await this.persistence.clearJournal(this.vault.put({ ...now, unsaved: null }), locked);
    this.logger.log('kept tokens are back in their file', { account: name });
    return true;
  }

  private async isBroken(name: string): Promise<boolean> {
    const file = await this.store.read(name);
    return file.kind === 'broken' && file.isMissing !== true;
  }

  private inMemory(name: string): StoredCredential | null {
    const namesakes = this.vault
      .list()
      .filter((it) => it.name === name && it.unsaved?.brokenFile !== undefined && this.hasNoFile(it.id));
    return namesakes.find((it) => it.id === this.lastLost.get(name)) ?? namesakes.at(-1) ?? null;
  }

  private async onDisk(name: string): Promise<StoredCredential | null> {
    const path = (await this.store.removed.newestKept([name])).get(name);
    const credential = path === undefined ? null : await this.store.kept(path);
    if (credential === null || path === undefined) return null;
    const stored: StoredCredential = {
      id: identityOf(name, credential),
      name,
      credential,
      refresh: idle,
      grantedAt: null,
      warning: null,
      isLink: false,
      unsaved: null,
    };
    return this.hasNoFile(stored.id) ? { ...stored, unsaved: inNoFile(stored, path) } : null;
  }

  /** An account that has another file has newer tokens there. */
  private hasNoFile(id: string): boolean {
    return this.vault.listWithFile().every((it) => it.id !== id);
  }

  /** Whether the login in this copy has a file with its newest tokens, whatever the name of that file. */
  private async isOutdated(name: string, path: string): Promise<boolean> {
    const credential = await this.store.kept(path);
    if (credential === null) return false;
    const id = identityOf(name, credential);
    return this.vault.listWithFile().some((it) => it.id === id && it.unsaved === null);
  }
}

/** Whether these tokens need no copy: they have one, or nothing has broken their file. */
function isKept(stored: StoredCredential | null): boolean {
  return stored?.unsaved?.brokenFile?.keptIn !== null;
}
