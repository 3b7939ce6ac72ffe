import { Injectable, Logger } from '@nestjs/common';
import type { CredentialFile } from './credential-store.js';
import { identityOf } from './credential.js';
import { afterReading, isNewerIn, type Keeping } from './stored-credential.js';
import { nextRefreshState, type RefreshEvent } from './refresh-state.js';
import { RefreshFailedError } from './tokens.errors.js';

/** The credentials in memory, by the identity of their account; who wants to know is told of every change. */
@Injectable()
export class KeptCredentials {
  private readonly logger = new Logger(KeptCredentials.name);
  private readonly kept = new Map<string, Keeping>();
  private readonly watchers: ((keeping: Keeping) => void)[] = [];

  /** Calls back whenever the tokens, the refresh state or a warning of an account changes. */
  onChange(watcher: (keeping: Keeping) => void): void {
    this.watchers.push(watcher);
  }

  list(): readonly Keeping[] {
    return [...this.kept.values()];
  }

  find(id: string): Keeping | null {
    return this.kept.get(id) ?? null;
  }

  /** @throws RefreshFailedError when there is no such credential (any more). */
  get(id: string): Keeping {
    const keeping = this.kept.get(id);
    if (keeping === undefined) throw new RefreshFailedError(id, 'its credential file is gone');
    return keeping;
  }

  put(keeping: Keeping): Keeping {
    if (this.kept.get(keeping.id) === keeping) return keeping;
    this.kept.set(keeping.id, keeping);
    for (const watcher of this.watchers) watcher(keeping);
    return keeping;
  }

  forget(id: string): void {
    this.kept.delete(id);
  }

  /** Moves the refresh of an account to its next state; not when it has other tokens by now, which know nothing of it. */
  change(keeping: Keeping, event: RefreshEvent): Keeping {
    const now = this.find(keeping.id) ?? keeping;
    if (now.credential !== keeping.credential) return now;
    return this.put({ ...now, refresh: nextRefreshState(now.refresh, event) });
  }

  /**
   * Takes the tokens of an account's file when they are newer than ours; null otherwise.
   * @throws RefreshFailedError when the file holds another account by now
   */
  adopt(mine: Keeping, file: CredentialFile): Keeping | null {
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
