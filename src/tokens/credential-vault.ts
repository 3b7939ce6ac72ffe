import { Injectable, Logger } from '@nestjs/common';
import { describeError } from '../pool-error.js';
import type { Secret } from '../secret.js';
import { type CredentialFile, CredentialStore } from './credential-store.js';
import { type Credential, credentialOf, identityOf, isNewerGeneration } from './credential.js';
import { idle, nextRefreshState, type RefreshEvent, type RefreshState } from './refresh-state.js';
import type { TokenGrant } from './token-refresh-client.js';
import { RefreshFailedError } from './tokens.errors.js';

/** What is known of the credential of one account; replaced as a whole, never changed. */
export interface Keeping {
  /** Identity of the account: stays when tokens are renewed or the file is renamed. */
  readonly id: string;
  /** Name of the credential file, without its ending. */
  readonly name: string;
  readonly credential: Credential;
  readonly refresh: RefreshState;
  /** What an operator should know about the file, or null. */
  readonly warning: string | null;
  /** Whether the file is a symbolic link, so that Codex may own it together with us. */
  readonly isLink: boolean;
  /** Set while the newest tokens are only in memory. */
  readonly unsaved: Unsaved | null;
}

/** Tokens that their file has not taken yet. */
export interface Unsaved {
  readonly reason: string;
  /** The refresh token that they were issued for: a file that holds another belongs to somebody else by now. */
  readonly spent: Secret | null;
}

/** Owns the credentials: the newest tokens of each account, in memory and in its file. */
@Injectable()
export class CredentialVault {
  private readonly logger = new Logger(CredentialVault.name);
  private readonly kept = new Map<string, Keeping>();
  private readonly watchers: ((keeping: Keeping) => void)[] = [];

  constructor(private readonly store: CredentialStore) {}

  /** Calls back whenever the tokens, the refresh state or a warning of an account changes. */
  onChange(watcher: (keeping: Keeping) => void): void {
    this.watchers.push(watcher);
  }

  /**
   * Reads all files again, by difference: tokens that are newer here than in a file are kept, and tokens
   * that no file has yet outlive a file that is gone or broken. Of two files of one account only the first
   * by name is used: two owners of one token family would end each other.
   */
  async load(): Promise<CredentialFile[]> {
    const files = withoutTwins(await this.store.readAll());
    const ids = new Set<string>();
    for (const file of files) if (file.kind === 'ok') ids.add(this.take(file).id);
    for (const [id, { unsaved }] of this.kept) if (!ids.has(id) && unsaved === null) this.kept.delete(id);
    await this.saveUnsaved();
    return files;
  }

  ids(): MapIterator<string> {
    return this.kept.keys();
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

  /**
   * Takes the tokens of the file when they are newer than ours: Codex may share it with us. Null otherwise.
   * @throws RefreshFailedError when the file holds another account by now
   */
  async adopt(mine: Keeping): Promise<Keeping | null> {
    const file = await this.store.read(mine.name);
    if (file.kind === 'broken') return null;
    if (identityOf(file.name, file.credential) !== mine.id) {
      throw new RefreshFailedError(
        mine.name,
        'its file holds another account by now, and is to be read again',
      );
    }
    if (!isNewer(mine, file)) return null;
    this.logger.log('newer tokens adopted from the file', { account: mine.name });
    return this.take(file);
  }

  /** Keeps newly issued tokens: in the file, and in memory also where the file refuses them. */
  async keep(before: Keeping, grant: TokenGrant, refreshedAt: number): Promise<Keeping> {
    const credential = credentialOf({
      accessToken: grant.accessToken.reveal(),
      refreshToken: (grant.refreshToken ?? before.credential.refreshToken)?.reveal() ?? null,
      idToken: (grant.idToken ?? before.credential.idToken)?.reveal() ?? null,
      accountId: before.credential.accountId,
      lastRefreshAt: refreshedAt,
    });
    // In memory first: whatever the disk does now, nobody uses the old token again. The name may have changed.
    const { name } = this.find(before.id) ?? before;
    const unsaved = { reason: 'not written yet', spent: before.credential.refreshToken };
    return await this.save(this.put({ ...before, name, credential, unsaved, refresh: idle }));
  }

  /** Tries again to write what the disk has refused before. */
  async saveUnsaved(): Promise<void> {
    for (const keeping of this.kept.values()) if (keeping.unsaved !== null) await this.save(keeping);
  }

  /** Moves the refresh of an account to its next state. */
  change(keeping: Keeping, event: RefreshEvent): Keeping {
    return this.put({ ...keeping, refresh: nextRefreshState(keeping.refresh, event) });
  }

  private async save(keeping: Keeping): Promise<Keeping> {
    const { name, credential, unsaved } = keeping;
    if (unsaved === null) return keeping;
    try {
      await this.store.write(name, credential, unsaved.spent);
      this.logger.log('token refreshed', { account: name, expiresAt: credential.expiresAt });
      return this.put({ ...keeping, unsaved: null });
    } catch (error) {
      const reason = `new tokens are only in memory, the file cannot be written: ${describeError(error)}`;
      if (reason !== unsaved.reason)
        this.logger.error('refreshed tokens could not be written', { account: name, reason });
      return this.put({ ...keeping, unsaved: { ...unsaved, reason } });
    }
  }

  private take(file: CredentialFile & { kind: 'ok' }): Keeping {
    const id = identityOf(file.name, file.credential);
    const mine = this.kept.get(id);
    if (mine !== undefined && !isNewer(mine, file)) {
      const { name, warning, isLink } = file;
      const isSame = mine.warning === warning && mine.name === name && mine.isLink === isLink;
      return isSame ? mine : this.put({ ...mine, name, warning, isLink });
    }
    return this.put({
      id,
      name: file.name,
      credential: file.credential,
      warning: file.warning,
      isLink: file.isLink,
      refresh: nextRefreshState(mine?.refresh ?? idle, { kind: 'renewed-elsewhere' }),
      unsaved: null,
    });
  }

  private put(keeping: Keeping): Keeping {
    this.kept.set(keeping.id, keeping);
    for (const watcher of this.watchers) watcher(keeping);
    return keeping;
  }
}

function withoutTwins(files: readonly CredentialFile[]): CredentialFile[] {
  const owners = new Map<string, string>();
  return files.map((file) => {
    if (file.kind === 'broken') return file;
    const id = identityOf(file.name, file.credential);
    const owner = owners.get(id);
    if (owner !== undefined) {
      return { kind: 'broken', name: file.name, reason: `the same account as ${owner}.json, which is used` };
    }
    owners.set(id, file.name);
    return file;
  });
}

/** Whether a file has newer tokens than we. Tokens that are only in memory give way to proof alone. */
function isNewer(mine: Keeping, file: CredentialFile & { kind: 'ok' }): boolean {
  if (mine.unsaved !== null && file.credential.lastRefreshAt === null) return false;
  return isNewerGeneration(mine.credential, file.credential);
}
