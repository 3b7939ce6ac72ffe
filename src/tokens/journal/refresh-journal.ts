import { type FileHandle, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { APP_CONFIG, type AppConfig } from '../../config/app.config.js';
import { limits } from '../../config/limits.js';
import { describeError } from '../../runtime/pool-error.js';
import { LOCK_RETRY_MS, lockFile } from '../../runtime/files/file-lock.js';
import { SharedFile } from './shared-file.js';
import { LockedJournal } from './journal-file.js';
import {
  allocate,
  identityOfFile,
  isStillAt,
  journalFolders,
  journalName,
  openExisting,
  openOrCreate,
} from './journal-place.js';
import type { JournalEntry } from './journal-entry.js';

/**
 * Stores new tokens before anything else does, in one small file per account. Its space is allocated when the account
 * is first seen, so that a full disk cannot make a write fail. The files are in `pool/.journal/`, or beside the
 * database when the pool folder is read-only. The lock on an account's journal is also the lock on its refresh, across
 * processes. It survives a deletion of the folder: the holder notices it, and locks a new file.
 */
@Injectable()
export class RefreshJournal {
  private readonly logger = new Logger(RefreshJournal.name);
  private readonly folders: readonly string[];
  private readonly lockedIds = new Set<string>();
  private isClosed = false;
  private readonly warned = new Set<string>();
  /** The identity of each journal file, by path, when it was last locked. */
  private readonly seen = new LRUCache<string, string>({ max: 2 * limits.poolFiles });

  constructor(@Inject(APP_CONFIG) private readonly config: AppConfig) {
    this.folders = journalFolders(config);
  }

  /**
   * Locks an account's journal, by the account's identity; exclusive until disposed. Waits up to `patienceMs`; null when
   * another process still holds it, or the journal is closed. If no disk accepts the file, the journal stores nothing (`isOnDisk`). `name`: the
   * credential file, which another pool folder may link; it is locked after the journal.
   */
  async lock(id: string, patienceMs: number, name: string | null = null): Promise<LockedJournal | null> {
    const until = performance.now() + patienceMs;
    // Within this process, exclusion must not depend on a file.
    while (this.lockedIds.has(id)) {
      if (performance.now() >= until) return null;
      await pause(LOCK_RETRY_MS);
    }
    if (this.isClosed) return null;
    this.lockedIds.add(id);
    const release = () => void this.lockedIds.delete(id);
    try {
      const locked = await this.lockJournal(id, Math.max(0, until - performance.now()), release);
      if (locked === null) release();
      if (locked === null || name === null) return locked;
      const shared = await this.lockCredentialFile(name, Math.max(0, until - performance.now()));
      if (shared === 'busy') {
        await locked[Symbol.asyncDispose]();
        return null;
      }
      if (shared !== null) locked.attach(shared);
      return locked;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Locks nothing from now on. Resolves when all locks have been released, and so all their writes are done. */
  async close(): Promise<void> {
    this.isClosed = true;
    while (this.lockedIds.size > 0) await pause(LOCK_RETRY_MS);
  }

  private async lockJournal(
    id: string,
    patienceMs: number,
    release: () => void,
  ): Promise<LockedJournal | null> {
    const name = journalName(id);
    let reason: unknown = null;
    for (const folder of this.folders) {
      let file: FileHandle | null;
      try {
        file = await this.lockIn(folder, name, patienceMs);
      } catch (error) {
        reason = error;
        continue;
      }
      if (file === null) return null;
      const path = join(folder, name);
      const relock = async () => {
        await stat(dirname(folder)); // a pool folder that was removed may be about to be replaced
        return await this.lockIn(folder, name, 0);
      };
      const locked = new LockedJournal(file, release, { path, relock });
      for (const another of this.folders)
        if (another !== folder) await this.takeOver(join(another, name), locked);
      return locked;
    }
    this.warn('no disk accepts a journal: a crash during a refresh would lose its tokens', reason);
    return new LockedJournal(null, release);
  }

  /** Opens or creates a journal and locks it; null when another process holds it. */
  private async lockIn(folder: string, name: string, patienceMs: number): Promise<FileHandle | null> {
    const path = join(folder, name);
    const until = performance.now() + patienceMs;
    for (;;) {
      const file = await openOrCreate(folder, name);
      try {
        const identity = await identityOfFile(file);
        // A process that holds the lock on the deleted file gets time to lock this one.
        if (patienceMs > 0 && (this.seen.get(path) ?? identity) !== identity)
          await pause(limits.relockGraceMs);
        if (!(await this.lockPath(file, path, Math.max(0, until - performance.now())))) {
          await file.close();
          return null;
        }
        if (await isStillAt(path, file)) {
          await allocate(file);
          this.seen.set(path, identity);
          return file;
        }
      } catch (error) {
        await file.close();
        throw error;
      }
      await file.close(); // it was deleted meanwhile
    }
  }

  private async lockCredentialFile(name: string, patienceMs: number): Promise<SharedFile | 'busy' | null> {
    try {
      return await SharedFile.lock(
        join(this.config.poolDir, `${name}.json`),
        this.config.runtimeFolders,
        patienceMs,
      );
    } catch (error) {
      this.warn('credential files cannot be locked: do not link them into a second pool folder', error);
      return null;
    }
  }

  /** Moves an entry here that was written to another folder while this one was not writable. */
  private async takeOver(path: string, locked: LockedJournal): Promise<void> {
    const file = await openExisting(path);
    if (file === null) return;
    await using other = new LockedJournal(file);
    try {
      // Leave it alone if it is the same file under another name, or if another refresh holds it.
      if (!(await this.lockPath(file, path, 0))) return;
      const entry = await other.entry();
      if (entry === null) return;
      const mine = await locked.entry();
      if (mine === null || timeOf(mine) < timeOf(entry)) await locked.write(entry);
      await other.clear();
    } catch (error) {
      // Read-only: the next lock tries again; by then the credential file has newer tokens.
      this.logger.debug('a journal entry could not be moved', { reason: describeError(error) });
    }
  }

  private async lockPath(file: FileHandle, path: string, patienceMs: number): Promise<boolean> {
    try {
      return await lockFile(file, patienceMs, path);
    } catch (error) {
      // Network file systems may not support locks.
      this.warn('the pool folder cannot be locked: do not let a second program refresh its accounts', error);
      return true;
    }
  }

  private warn(message: string, error: unknown): void {
    if (this.warned.has(message)) return;
    this.warned.add(message);
    this.logger.warn(message, { reason: describeError(error) });
  }
}

function timeOf({ unsaved, asking }: JournalEntry): number {
  return Math.max(unsaved?.at ?? 0, asking?.at ?? 0);
}
