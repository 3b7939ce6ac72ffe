import { Injectable, Logger } from '@nestjs/common';
import { AccountRegistry } from '../../accounts/account-registry.js';
import { describeError, errorCode } from '../../runtime/pool-error.js';
import { CredentialImport, type Imported } from '../../tokens/credential-import.js';
import { CredentialPersistence } from '../../tokens/credential-persistence.js';
import { CredentialStore } from '../../tokens/credential-store.js';
import { CredentialVault } from '../../tokens/credential-vault.js';
import { type ImportRefusal, ImportRefusedError, RefreshFailedError } from '../../tokens/tokens.errors.js';
import { Problem } from '../problems/problem.js';

/** What became of one `auth.json` of a request. */
export type ImportResult = Imported | RefusedImport;

export interface RefusedImport {
  /** As the request gave it; null when it gave none. */
  readonly name: string | null;
  readonly result: 'refused';
  readonly code: ImportRefusal | 'not_written';
  readonly detail: string;
}

/** Accounts come into the pool and leave it on the operator's word; the pool knows of it at once. */
@Injectable()
export class AccountImport {
  private readonly logger = new Logger(AccountImport.name);

  constructor(
    private readonly imports: CredentialImport,
    private readonly store: CredentialStore,
    private readonly vault: CredentialVault,
    private readonly persistence: CredentialPersistence,
    private readonly registry: AccountRegistry,
  ) {}

  /** Imports each item by itself: an `auth.json`, or one with a name beside it (`{name, auth}`). */
  async add(items: readonly unknown[]): Promise<ImportResult[]> {
    const results: ImportResult[] = [];
    for (const item of items) results.push(await this.addOne(item));
    const taken = results.filter((it) => it.result !== 'refused');
    if (taken.length > 0) await this.registry.reload();
    for (const { name } of taken) {
      if (name !== null) this.registry.loggedIn(name);
    }
    return results;
  }

  /**
   * Moves a file out of the pool, whether it is an account or not; gives its new path, or null when it is gone already.
   * Turns in flight go on.
   */
  async remove(name: string): Promise<string | null> {
    const move = async () =>
      await this.store.remove(name).catch((error: unknown) => {
        if (errorCode(error) === 'ENOENT') return null;
        throw error;
      });
    const kept = this.vault.list().find((it) => it.name === name);
    // What is moved away is to hold the newest tokens, those of a refresh under way included.
    const movedTo = kept === undefined ? await move() : await this.undisturbed(kept.id, move);
    await this.registry.reload();
    return movedTo;
  }

  private async undisturbed<T>(id: string, work: () => Promise<T>): Promise<T> {
    try {
      return await this.persistence.exclusively(id, work);
    } catch (error) {
      if (error instanceof RefreshFailedError) throw new Problem(503, error.code, `${error.message}.`);
      throw error;
    }
  }

  private async addOne(item: unknown): Promise<ImportResult> {
    const { name, auth } = namedIn(item);
    const known = typeof name === 'string' ? name : null;
    try {
      if (name !== known) throw new ImportRefusedError('bad_name', 'A name is text; null chooses one.');
      return await this.imports.add(auth, known);
    } catch (error) {
      if (error instanceof ImportRefusedError) {
        return { name: known, result: 'refused', code: error.code, detail: error.message };
      }
      this.logger.error('import could not be written', { reason: describeError(error) });
      const detail = 'The file could not be written; the log of codex-pool says why.';
      return { name: known, result: 'refused', code: 'not_written', detail };
    }
  }
}

/** A document with a name beside it, or the document alone. */
function namedIn(item: unknown): { readonly name: unknown; readonly auth: unknown } {
  if (typeof item !== 'object' || item === null || !('auth' in item)) return { name: null, auth: item };
  return { name: 'name' in item ? item.name : null, auth: item.auth };
}
