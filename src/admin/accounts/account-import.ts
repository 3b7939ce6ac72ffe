import { Injectable, Logger } from '@nestjs/common';
import { AccountRegistry } from '../../accounts/account-registry.js';
import { limits } from '../../config/limits.js';
import { fileTroubleIn } from '../../runtime/files/file-trouble.js';
import { describeError, errorCode } from '../../runtime/pool-error.js';
import { CredentialImport, type Imported } from '../../tokens/credential-import.js';
import { CredentialPersistence } from '../../tokens/credential-persistence.js';
import { CredentialStore } from '../../tokens/credential-store.js';
import { CredentialVault } from '../../tokens/credential-vault.js';
import { type ImportRefusal, ImportRefusedError, RefreshFailedError } from '../../tokens/tokens.errors.js';
import { Problem } from '../problems/problem.js';

/** The result for one `auth.json` of a request. */
export type ImportResult = Imported | RefusedImport;

export interface RefusedImport {
  /** The name given in the request; null if none. */
  readonly name: string | null;
  readonly result: 'refused';
  readonly code: ImportRefusal | 'not_written';
  readonly detail: string;
}

/** Adds accounts to the pool and removes them at the operator's request. The pool follows at once. */
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

  /**
   * Imports each item separately: an `auth.json`, or one with a name (`{name, auth}`).
   * @throws Problem if there are more than `limits.importedAccounts`
   */
  async add(items: readonly unknown[]): Promise<ImportResult[]> {
    if (items.length > limits.importedAccounts) {
      const detail = `An import takes at most ${limits.importedAccounts} accounts; nothing was imported.`;
      throw new Problem(400, 'too_many_accounts', detail);
    }
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
   * Moves a credential file, usable or not, out of the pool. Returns its new path; null if it was already gone.
   * Turns in flight continue.
   */
  async remove(name: string): Promise<string | null> {
    const move = async () =>
      await this.store.remove(name).catch((error: unknown) => {
        if (errorCode(error) === 'ENOENT') return null;
        throw error;
      });
    const kept = [...this.vault.listWithFile(), ...this.vault.list()].find((it) => it.name === name);
    // The moved file must hold the newest tokens, including those of a refresh in progress.
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
    const told = known?.slice(0, limits.importedNameChars) ?? null;
    try {
      if (name !== known)
        throw new ImportRefusedError(
          'bad_name',
          'The name must be a string, or null to choose one automatically.',
        );
      return await this.imports.add(auth, known);
    } catch (error) {
      if (error instanceof ImportRefusedError) {
        return { name: told, result: 'refused', code: error.code, detail: error.message };
      }
      this.logger.error('the imported credential could not be written', { reason: describeError(error) });
      const detail =
        fileTroubleIn(error)?.message ?? 'The file could not be written; see the log of codex-pool.';
      return { name: told, result: 'refused', code: 'not_written', detail };
    }
  }
}

/** Splits an item into its document and its name, if it has one. */
function namedIn(item: unknown): { readonly name: unknown; readonly auth: unknown } {
  if (typeof item !== 'object' || item === null || !('auth' in item)) return { name: null, auth: item };
  return { name: 'name' in item ? item.name : null, auth: item.auth };
}
