import { Injectable } from '@nestjs/common';
import { limits } from '../config/limits.js';
import { errorCode } from '../runtime/pool-error.js';
import { type CredentialFile, CredentialStore } from './credential-store.js';
import { CredentialPersistence } from './credential-persistence.js';
import { CredentialVault } from './credential-vault.js';
import {
  type Credential,
  identityOf,
  isNewerGeneration,
  isSameGeneration,
} from './credential-file/credential.js';
import { checkDocument, checkName } from './import-check.js';
import { isNewerIn, type StoredCredential, type WholeFile } from './stored-credential.js';
import { ImportRefusedError, RefreshFailedError } from './tokens.errors.js';

/** Result of an import: the name of the account, and whether it is new. */
export interface Imported {
  readonly name: string;
  readonly result: 'added' | 'renewed';
}

/** Imports complete Codex `auth.json` documents into the pool folder. */
@Injectable()
export class CredentialImport {
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly store: CredentialStore,
    private readonly vault: CredentialVault,
    private readonly persistence: CredentialPersistence,
  ) {}

  /**
   * Writes a login into the pool folder, one at a time. An account with a file keeps that file, its name and its other
   * fields. Otherwise a new file of this name is created; null takes the first free `account-N`. The pool uses it after
   * the next reload.
   * @throws ImportRefusedError without writing anything
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
    if (mine?.kind === 'ok') return await this.renewExclusively(mine, asObject(document), credential);
    const free = name ?? (await this.firstFreeName(files));
    if (await this.isTaken(free, files)) {
      throw new ImportRefusedError(
        'name_taken',
        'Another account, or an unusable file, has this name. Choose another name, or remove that file first.',
      );
    }
    if (files.length >= limits.poolFiles) {
      throw new ImportRefusedError(
        'pool_full',
        `The pool holds at most ${limits.poolFiles} files. Remove one first.`,
      );
    }
    await this.store.put(free, asObject(document));
    return { name: free, result: 'added' };
  }

  private async renewExclusively(
    mine: WholeFile,
    document: Record<string, unknown>,
    credential: Credential,
  ): Promise<Imported> {
    const id = identityOf(mine.name, credential);
    const renew = async () => {
      // The file may have been renamed, or replaced by another account's, since it was found.
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
      // Import anyway: a token endpoint that does not respond must not cost the login.
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
    const current = await this.store.document(name);
    const stored = this.vault.find(identityOf(name, credential));
    checkGeneration(mine, stored, credential);
    await this.store.put(name, renewed(current, document));
    return { name, result: 'renewed' };
  }

  private async firstFreeName(files: readonly CredentialFile[]): Promise<string> {
    for (let n = 1; ; n += 1) {
      const name = `account-${n}`;
      if (!(await this.isTaken(name, files))) return name;
    }
  }

  /** Also checks the folder, which may hold more files than were read and may ignore case. */
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

/** @throws ImportRefusedError when the import would replace newer or equal tokens */
function checkGeneration(mine: WholeFile, stored: StoredCredential | null, credential: Credential): void {
  const needsLogin = stored?.refresh.kind === 'refused';
  const isSame = isSameGeneration(stored?.credential ?? mine.credential, credential);
  if (isSame && !needsLogin) return;
  if (isSame) {
    throw new ImportRefusedError(
      'spent_tokens',
      'The token endpoint has already refused these tokens. Log in again with `codex login` and import that auth.json.',
    );
  }
  const isNewer =
    (needsLogin || isNewerGeneration(mine.credential, credential)) &&
    (stored === null || isNewerIn({ ...mine, credential }, stored));
  if (isNewer) return;
  throw new ImportRefusedError(
    'older_tokens',
    'The pool has newer tokens for this account, so nothing needs to be done. To replace them anyway, log in again with `codex login` and import that auth.json.',
  );
}

/** Returns the document of the file, in its order, with the tokens of the import. */
function renewed(current: Record<string, unknown>, document: Record<string, unknown>): object {
  const { tokens, last_refresh: lastRefresh, OPENAI_API_KEY: apiKey } = document;
  return {
    ...current,
    ...(apiKey == null ? {} : { OPENAI_API_KEY: apiKey }),
    tokens: { ...asObject(current['tokens']), ...filledOf(asObject(tokens)) },
    ...(lastRefresh == null ? {} : { last_refresh: lastRefresh }),
  };
}

/** Returns the fields that have a value; a blank `account_id` counts as absent. */
function filledOf(values: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => isFilled(value)));
}

function isFilled(value: unknown): boolean {
  return value !== null && !(typeof value === 'string' && value.trim() === '');
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
