import { setTimeout as pause } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { limits } from '../config/limits.js';
import { LOCK_RETRY_MS } from '../runtime/files/file-lock.js';
import { type CredentialFile, CredentialStore } from './credential-store.js';
import { identityOf, isProvenNewer } from './credential-file/credential.js';
import { isPausedByNetwork, nextRefreshState, type RefreshEvent } from './refresh-state.js';
import { afterReading, isNewerIn, type StoredCredential, type WholeFile } from './stored-credential.js';
import { RefreshFailedError } from './tokens.errors.js';

/** Result of reading the pool folder. */
export interface FolderReading {
  readonly files: CredentialFile[];
  /** Ids of accounts that were unknown before. */
  readonly added: readonly string[];
}

/** The current credential of an account. Keeps the last one after the vault has forgotten the account. */
export interface CredentialSlot {
  readonly current: StoredCredential;
}

/** Called with the new credential of an account and the previous one; null for an account that is new to the vault. */
export type CredentialWatcher = (now: StoredCredential, before: StoredCredential | null) => void;

/** Owns the credentials: the newest tokens of each account, in memory, by the identity of the account. */
@Injectable()
export class CredentialVault {
  private readonly logger = new Logger(CredentialVault.name);
  private readonly slots = new Map<string, { current: StoredCredential }>();
  private readonly watchers: CredentialWatcher[] = [];
  /** Accounts that had a file when the folder was last read. */
  private withFile: ReadonlySet<string> = new Set();

  constructor(private readonly store: CredentialStore) {}

  /** Calls back whenever the tokens, the refresh state or a warning of an account changes. */
  onChange(watcher: CredentialWatcher): void {
    this.watchers.push(watcher);
  }

  list(): readonly StoredCredential[] {
    return [...this.slots.values()].map((it) => it.current);
  }

  /** Credentials with a file. A user who moved a file away wants its refresh token unchanged. */
  listWithFile(): readonly StoredCredential[] {
    return this.list().filter((it) => this.withFile.has(it.id));
  }

  find(id: string): StoredCredential | null {
    return this.slots.get(id)?.current ?? null;
  }

  /** @throws RefreshFailedError when the credential does not exist */
  get(id: string): StoredCredential {
    return this.slot(id).current;
  }

  /**
   * Returns the slot of an account, for readers that must always see the newest credential.
   * @throws RefreshFailedError when the credential does not exist
   */
  slot(id: string): CredentialSlot {
    const slot = this.slots.get(id);
    if (slot === undefined) throw new RefreshFailedError(id, 'its credential file is gone');
    return slot;
  }

  put(storedCredential: StoredCredential): StoredCredential {
    const slot = this.slots.get(storedCredential.id);
    const before = slot?.current ?? null;
    if (before === storedCredential) return storedCredential;
    if (slot === undefined) this.slots.set(storedCredential.id, { current: storedCredential });
    else slot.current = storedCredential;
    for (const watcher of this.watchers) watcher(storedCredential, before);
    return storedCredential;
  }

  /** Drops the tokens of an account. Its file, if any, is read again on the next reload. */
  forget(id: string): void {
    this.slots.delete(id);
  }

  /**
   * Moves the refresh of an account to its next state. Ignored when the account has other tokens than
   * `storedCredential`, because the event does not concern them.
   */
  change(storedCredential: StoredCredential, event: RefreshEvent): StoredCredential {
    const now = this.find(storedCredential.id) ?? storedCredential;
    if (now.credential !== storedCredential.credential) return now;
    return this.put({ ...now, refresh: nextRefreshState(now.refresh, event) });
  }

  /** Ends the pauses of refreshes that could not reach the token endpoint. `at`: epoch ms. */
  endNetworkPauses(at: number): void {
    for (const it of this.list())
      if (isPausedByNetwork(it.refresh, at)) this.change(it, { kind: 'network-back', at });
  }

  /**
   * Reads all files and merges them: whichever tokens are newer, in the file or in memory, win. Accounts without a file
   * are dropped, except those in `needed` and those whose tokens are not in any file. If two files hold one account,
   * only the one with the newest tokens is used.
   */
  async load(needed: ReadonlySet<string>): Promise<FolderReading> {
    const files = withoutDuplicates(await this.store.readAll());
    const whole = files.filter((it) => it.kind === 'ok');
    const present = new Set(whole.map((it) => identityOf(it.name, it.credential)));
    const added = [...present].filter((id) => !this.slots.has(id));
    for (const file of whole) this.put(afterReading(this.find(identityOf(file.name, file.credential)), file));
    this.withFile = present;
    for (const { id, unsaved } of this.list())
      if (!present.has(id) && !needed.has(id) && unsaved === null) this.forget(id);
    return { files, added };
  }

  /**
   * Adopts the tokens in the account's file if they are newer, because Codex may share the file; null otherwise.
   * @throws RefreshFailedError when the file now holds another account
   */
  async adopt(mine: StoredCredential): Promise<StoredCredential | null> {
    const file = await this.readComplete(mine.name);
    if (file.kind === 'broken') return null;
    if (identityOf(file.name, file.credential) !== mine.id) {
      throw new RefreshFailedError(mine.name, 'its file now holds another account and must be reloaded');
    }
    if (!isNewerIn(file, mine)) return null;
    this.logger.log('newer tokens adopted from the file', { account: mine.name });
    return this.put(afterReading(mine, file));
  }

  /** Reads the account's file once and merges it; an unusable file changes nothing. */
  async readAgain(mine: StoredCredential): Promise<StoredCredential> {
    const file = await this.store.read(mine.name);
    if (file.kind === 'broken' || identityOf(file.name, file.credential) !== mine.id) return mine;
    return this.put(afterReading(this.find(mine.id) ?? mine, file));
  }

  /** Reads a file; retries an unusable one for a while, because Codex may be writing it. */
  private async readComplete(name: string): Promise<CredentialFile> {
    const until = performance.now() + limits.partialWriteMs;
    for (;;) {
      const file = await this.store.read(name);
      const isPartial = file.kind === 'broken' && file.isMissing !== true;
      if (!isPartial || performance.now() >= until) return file;
      await pause(LOCK_RETRY_MS);
    }
  }
}

/**
 * Marks duplicate credentials as broken. Of several files of one account only the one with the newest tokens stays
 * usable, the first by name among equals: two programs that refresh one login would log each other out.
 */
export function withoutDuplicates(files: readonly CredentialFile[]): CredentialFile[] {
  const used = new Map<string, WholeFile>();
  for (const file of files) {
    if (file.kind === 'broken') continue;
    const id = identityOf(file.name, file.credential);
    const other = used.get(id);
    if (other === undefined || isProvenNewer(other.credential, file.credential)) used.set(id, file);
  }
  return files.map((file) => {
    if (file.kind === 'broken') return file;
    const it = used.get(identityOf(file.name, file.credential));
    if (it === undefined || it === file) return file;
    return { kind: 'broken', name: file.name, reason: `the same account as ${it.name}.json, which is used` };
  });
}
