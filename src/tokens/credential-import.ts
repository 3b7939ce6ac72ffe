import { Injectable } from '@nestjs/common';
import { limits } from '../config/limits.js';
import { errorCode } from '../runtime/pool-error.js';
import { type CredentialFile, CredentialStore } from './credential-store.js';
import { CredentialPersistence } from './credential-persistence.js';
import { CredentialVault } from './credential-vault.js';
import { type Credential, identityOf, isNewerGeneration, isSameGeneration } from './credential.js';
import { checkDocument, checkName } from './import-check.js';
import { isNewerIn, type StoredCredential, type WholeFile } from './stored-credential.js';
import { ImportRefusedError, RefreshFailedError } from './tokens.errors.js';

/** What became of an import, and the name that the account has now. */
export interface Imported {
  readonly name: string;
  readonly result: 'added' | 'renewed';
}

/** Takes whole `auth.json` documents of Codex into the pool folder. */
@Injectable()
export class CredentialImport {
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly store: CredentialStore,
    private readonly vault: CredentialVault,
    private readonly persistence: CredentialPersistence,
  ) {}

  /**
   * Writes a login into the pool folder: in the file of its account where there is one (which keeps its name and what
   * else stands in it), else in a new one of this name; null takes the first free `account-N`. One import at a time.
   * The pool knows of it after the next reload.
   * @throws ImportRefusedError then nothing was written
   */
  add(document: unknown, name: string | null): Promise<Imported> {
    const next = this.last.then(
      () => this.addNow(document, name),
      () => this.addNow(document, name),
    );
    this.last = next;
    return next;
  }

  private async addNow(document: unknown, name: string | null): Promise<Imported> {
    if (name !== null) checkName(name);
    const credential = checkDocument(document);
    const files = await this.store.readAll();
    const id = identityOf('', credential);
    const mine = files.find((it) => it.kind === 'ok' && identityOf(it.name, it.credential) === id);
    if (mine?.kind === 'ok') return await this.renewUndisturbed(mine, asObject(document), credential);
    const free = name ?? (await this.firstFreeName(files));
    if (await this.isTaken(free, files)) {
      throw new ImportRefusedError(
        'name_taken',
        'Another account, or a file that cannot be used, has this name. Choose another one, or remove that first.',
      );
    }
    if (files.length >= limits.poolFiles) {
      throw new ImportRefusedError(
        'pool_full',
        `The pool holds no more than ${limits.poolFiles} files. Remove one first.`,
      );
    }
    await this.store.put(free, asObject(document));
    return { name: free, result: 'added' };
  }

  private async renewUndisturbed(
    mine: WholeFile,
    document: Record<string, unknown>,
    credential: Credential,
  ): Promise<Imported> {
    const id = identityOf(mine.name, credential);
    const renew = async () => {
      // Since it was found, it may have been renamed, or replaced by the file of another account.
      const now = (await this.store.readAll()).find(
        (it) => it.kind === 'ok' && identityOf(it.name, it.credential) === id,
      );
      if (now?.kind === 'ok') return await this.renew(now, document, credential);
      const name = await this.firstFreeName(await this.store.readAll());
      await this.store.put(name, document);
      return { name, result: 'added' } as const;
    };
    try {
      return await this.persistence.exclusively(id, renew);
    } catch (error) {
      // What is imported is not to be lost for a token endpoint that does not answer.
      if (error instanceof RefreshFailedError) return await renew();
      throw error;
    }
  }

  private async renew(
    mine: WholeFile,
    document: Record<string, unknown>,
    credential: Credential,
  ): Promise<Imported> {
    const { name } = mine;
    const stands = await this.store.document(name);
    const kept = this.vault.find(identityOf(name, credential));
    checkGeneration(mine, kept, credential);
    await this.store.put(name, renewed(stands, document));
    return { name, result: 'renewed' };
  }

  private async firstFreeName(files: readonly CredentialFile[]): Promise<string> {
    for (let n = 1; ; n += 1) {
      const name = `account-${n}`;
      if (!(await this.isTaken(name, files))) return name;
    }
  }

  /** The folder is asked, too: it may hold more than is read, and it may not tell `Work` from `work`. */
  private async isTaken(name: string, files: readonly CredentialFile[]): Promise<boolean> {
    if (files.some((it) => it.name === name)) return true;
    try {
      await this.store.document(name);
      return true;
    } catch (error) {
      return errorCode(error) !== 'ENOENT';
    }
  }
}

/** @throws ImportRefusedError when the tokens of an account would be worse off than they are */
function checkGeneration(mine: WholeFile, kept: StoredCredential | null, credential: Credential): void {
  const needsLogin = kept?.refresh.kind === 'refused';
  const isSame = isSameGeneration(kept?.credential ?? mine.credential, credential);
  if (isSame && !needsLogin) return;
  if (isSame) {
    throw new ImportRefusedError(
      'spent_tokens',
      'These are the tokens that were refused already, and importing them changes nothing. Log in again with `codex login` and import that auth.json.',
    );
  }
  const isNewer =
    (needsLogin || isNewerGeneration(mine.credential, credential)) &&
    (kept === null || isNewerIn({ ...mine, credential }, kept));
  if (isNewer) return;
  throw new ImportRefusedError(
    'older_tokens',
    'The pool has newer tokens of this account. Nothing needs to be done; to replace them all the same, log in again with `codex login` and import that auth.json.',
  );
}

/** What stands in the file, in its order, with the tokens of the import in their places. */
function renewed(stands: Record<string, unknown>, document: Record<string, unknown>): object {
  const { tokens, last_refresh: lastRefresh, OPENAI_API_KEY: apiKey } = document;
  return {
    ...stands,
    ...(apiKey == null ? {} : { OPENAI_API_KEY: apiKey }),
    tokens: { ...asObject(stands['tokens']), ...withoutNulls(asObject(tokens)) },
    ...(lastRefresh == null ? {} : { last_refresh: lastRefresh }),
  };
}

function withoutNulls(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
