import { Injectable, Logger } from '@nestjs/common';
import { describeError } from '../pool-error.js';
import { type CredentialFile, CredentialStore } from './credential-store.js';
import { type Credential, credentialOf, identityOf, isNewerGeneration } from './credential.js';
import { idle, nextRefreshState, type RefreshEvent, type RefreshState } from './refresh-state.js';
import type { TokenGrant } from './token-refresh-client.js';
import { RefreshFailedError } from './tokens.errors.js';

/** What is known of the credential of one account; replaced as a whole, never changed. */
export interface Keeping {
  readonly name: string;
  readonly credential: Credential;
  readonly refresh: RefreshState;
  /** What an operator should know about the file, or null. */
  readonly warning: string | null;
  /** Why the newest tokens are only in memory, or null when the file has them. */
  readonly unsaved: string | null;
}

/** Owns the credentials: the newest tokens of each account, in memory and in its file, by the file's name. */
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
   * Reads all files again, by difference: tokens that are newer here than in a file are kept. Of two files
   * of one account only the first by name is used: two owners of one token family would end each other.
   */
  async load(): Promise<CredentialFile[]> {
    const files = withoutTwins(await this.store.readAll());
    const usable = new Set(files.filter((it) => it.kind === 'ok').map((it) => it.name));
    for (const name of this.kept.keys()) if (!usable.has(name)) this.kept.delete(name);
    for (const file of files) if (file.kind === 'ok') this.take(file);
    return files;
  }

  names(): MapIterator<string> {
    return this.kept.keys();
  }

  find(name: string): Keeping | null {
    return this.kept.get(name) ?? null;
  }

  /** @throws RefreshFailedError when there is no credential of this name (any more). */
  get(name: string): Keeping {
    const keeping = this.kept.get(name);
    if (keeping === undefined) throw new RefreshFailedError(name, 'its credential file is gone');
    return keeping;
  }

  /** Takes the tokens of the file when they are newer than ours: Codex may share it with us. Null otherwise. */
  async adopt(mine: Keeping): Promise<Keeping | null> {
    const file = await this.store.read(mine.name);
    if (file.kind === 'broken' || !isNewer(mine, file)) return null;
    this.logger.log('newer tokens adopted from the file', { account: mine.name });
    return this.take(file);
  }

  /** Keeps newly issued tokens: in the file, and in memory also where the file refuses them. */
  async keep(before: Keeping, grant: TokenGrant, refreshedAt: number): Promise<Keeping> {
    const issued = {
      accessToken: grant.accessToken.reveal(),
      refreshToken: grant.refreshToken?.reveal() ?? null,
      idToken: grant.idToken?.reveal() ?? null,
    };
    const credential = credentialOf({
      accessToken: issued.accessToken,
      refreshToken: issued.refreshToken ?? before.credential.refreshToken?.reveal() ?? null,
      idToken: issued.idToken ?? before.credential.idToken?.reveal() ?? null,
      accountId: before.credential.accountId,
      lastRefreshAt: refreshedAt,
    });
    let unsaved: string | null = null;
    try {
      await this.store.write(before.name, { ...issued, refreshedAt });
      this.logger.log('token refreshed', { account: before.name, expiresAt: credential.expiresAt });
    } catch (error) {
      const reason = describeError(error);
      unsaved = `new tokens are only in memory, the file cannot be written: ${reason}`;
      this.logger.error('refreshed tokens could not be written', { account: before.name, reason });
    }
    return this.put({ ...before, credential, unsaved, refresh: idle });
  }

  /** Moves the refresh of an account to its next state. */
  change(keeping: Keeping, event: RefreshEvent): Keeping {
    return this.put({ ...keeping, refresh: nextRefreshState(keeping.refresh, event) });
  }

  private take(file: CredentialFile & { kind: 'ok' }): Keeping {
    const mine = this.kept.get(file.name);
    if (mine !== undefined && !isNewer(mine, file)) {
      return mine.warning === file.warning ? mine : this.put({ ...mine, warning: file.warning });
    }
    return this.put({
      name: file.name,
      credential: file.credential,
      warning: file.warning,
      refresh: nextRefreshState(mine?.refresh ?? idle, { kind: 'renewed-elsewhere' }),
      unsaved: null,
    });
  }

  private put(keeping: Keeping): Keeping {
    this.kept.set(keeping.name, keeping);
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
