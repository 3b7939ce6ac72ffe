import { Injectable, Logger } from '@nestjs/common';
import type { CredentialFile } from './credential-store.js';
import { identityOf } from './credential.js';
import { afterReading, isNewerIn, type StoredCredential } from './stored-credential.js';
import { nextRefreshState, type RefreshEvent } from './refresh-state.js';
import { RefreshFailedError } from './tokens.errors.js';

/** The credentials in memory, by the identity of their account; who wants to know is told of every change. */
@Injectable()
export class CredentialCache {
  private readonly logger = new Logger(CredentialCache.name);
  private readonly kept = new Map<string, StoredCredential>();
  private readonly watchers: ((storedCredential: StoredCredential) => void)[] = [];

  /** Calls back whenever the tokens, the refresh state or a warning of an account changes. */
  onChange(watcher: (storedCredential: StoredCredential) => void): void {
    this.watchers.push(watcher);
  }

  list(): readonly StoredCredential[] {
    return [...this.kept.values()];
  }

  find(id: string): StoredCredential | null {
    return this.kept.get(id) ?? null;
  }

  /** @throws RefreshFailedError when there is no such credential (any more). */
  get(id: string): StoredCredential {
    const storedCredential = this.kept.get(id);
    if (storedCredential === undefined) throw new RefreshFailedError(id, 'its credential file is gone');
    return storedCredential;
  }

  put(storedCredential: StoredCredential): StoredCredential {
    if (this.kept.get(storedCredential.id) === storedCredential) return storedCredential;
    this.kept.set(storedCredential.id, storedCredential);
    for (const watcher of this.watchers) watcher(storedCredential);
    return storedCredential;
  }

  forget(id: string): void {
    this.kept.delete(id);
  }

  /** Moves the refresh of an account to its next state; not when it has other tokens by now, which know nothing of it. */
  change(storedCredential: StoredCredential, event: RefreshEvent): StoredCredential {
    const now = this.find(storedCredential.id) ?? storedCredential;
    if (now.credential !== storedCredential.credential) return now;
    return this.put({ ...now, refresh: nextRefreshState(now.refresh, event) });
  }

  /**
   * Takes the tokens of an account's file when they are newer than ours; null otherwise.
   * @throws RefreshFailedError when the file holds another account by now
   */
  adopt(mine: StoredCredential, file: CredentialFile): StoredCredential | null {
    if (file.kind === 'broken') return null;
    if (identityOf(file.name, file.credential) !== mine.id) {
      throw new RefreshFailedError(
        mine.name,
        'its file holds another account by now, and is to be read again',
      );
    }
    if (!isNewerIn(file, mine)) return null;
    this.logger.log('newer tokens adopted from the file', { account: mine.name });
    return this.put(afterReading(mine, file));
  }
}
