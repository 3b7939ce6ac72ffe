import { chmod, lstat, readdir, realpath, rename, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { limits } from '../config/limits.js';
import { describeError, errorCode } from '../runtime/pool-error.js';
import { isAddressableName } from '../boundary/account-path.js';
import { readBounded, replaceFile, syncFolder } from '../runtime/files/atomic-file.js';
import { Secret } from '../runtime/secret.js';
import { asObject, authJsonOf, documentIn, withTokens } from './credential-file/auth-json.js';
import {
  type Credential,
  identityOf,
  isSameGeneration,
  parseCredential,
} from './credential-file/credential.js';
import { describeDoubt, doubtAbout } from './credential-file/login-doubts.js';
import { RemovedFiles } from './removed-files.js';
import { CredentialFileChangedError } from './tokens.errors.js';

const SUFFIX = '.json';
const OWNER_ONLY = 0o600;

/** One file of the pool folder: a credential, or the reason why it is unusable. `name`: without `.json`. */
export type CredentialFile =
  | {
      readonly kind: 'ok';
      readonly name: string;
      readonly credential: Credential;
      readonly warning: string | null;
      /** A symbolic link: Codex and the pool may share the file, and so one generation of tokens. */
      readonly isLink: boolean;
    }
  | { readonly kind: 'broken'; readonly name: string; readonly reason: string; readonly isMissing?: boolean };

/** Reads and writes `pool/*.json` in Codex's format. Unknown fields are preserved. */
@Injectable()
export class CredentialStore {
  private readonly logger = new Logger(CredentialStore.name);

  /** The files that have left the pool. */
  readonly removed: RemovedFiles;
  /** Files with hard links, by name, which are mentioned once. */
  private readonly warnedLinks = new LRUCache<string, true>({ max: limits.poolFiles });
  /** The last usable text of each file, by name, for its other fields if another program breaks it. */
  private readonly lastTexts = new LRUCache<string, Secret>({
    max: limits.poolFiles,
    maxSize: limits.lastTextsBytes,
    maxEntrySize: limits.journalRoomBytes,
    sizeCalculation: (it) => it.reveal().length + 1,
  });

  constructor(@Inject(APP_CONFIG) private readonly config: AppConfig) {
    this.removed = new RemovedFiles(config.poolDir);
  }

  /** Reads all credential files, sorted by name; none without a folder. An unreadable file does not affect others. */
  async readAll(): Promise<CredentialFile[]> {
    const names = (await this.entries())
      .filter((it) => it.endsWith(SUFFIX) && !it.startsWith('.'))
      .map((it) => basename(it, SUFFIX))
      .toSorted();
    if (names.length > limits.poolFiles) {
      this.logger.warn('too many files in the pool folder; reading only some', {
        files: names.length,
        read: limits.poolFiles,
      });
    }
    return Promise.all(names.slice(0, limits.poolFiles).map((name) => this.read(name)));
  }

  /** Reads one credential file. Tightens a mode wider than 0600; if that fails, the account serves with a warning. */
  async read(name: string): Promise<CredentialFile> {
    // It could not be managed, and a control character would reach logs and headers.
    if (!isAddressableName(name))
      return { kind: 'broken', name, reason: 'its name cannot be that of an account: rename the file' };
    try {
      const text = await readBounded(this.pathOf(name), limits.credentialFileBytes);
      if (text === null)
        return { kind: 'broken', name, reason: 'the file is not a regular file of at most 1 MiB' };
      const parsed = parseCredential(text);
      if (parsed.kind === 'broken') return { kind: 'broken', name, reason: parsed.reason };
      const { credential } = parsed;
      this.lastTexts.set(name, new Secret(text));
      const isLink = (await lstat(this.pathOf(name))).isSymbolicLink();
      const doubt = doubtAbout(credential);
      const concerns = [await this.tighten(name), doubt === null ? null : describeDoubt(doubt)];
      const warning = concerns.filter((it) => it !== null).join('; ') || null;
      return { kind: 'ok', name, credential, warning, isLink };
    } catch (error) {
      return {
        kind: 'broken',
        name,
        isMissing: errorCode(error) === 'ENOENT',
        reason: `the file cannot be read: ${errorCode(error) ?? describeError(error)}`,
      };
    }
  }

  /**
   * Writes new tokens into the file of this name and preserves all other fields and their order.
   * Replaces the whole file (temp file, fsync, rename, fsync of the folder) with mode 0600 and follows symbolic links.
   * Leaves a file that already has these tokens unchanged. Rejects, without a change, when a step fails or when the
   * fingerprint of the file's refresh token is not among `replaceable` (null: no refresh token). A file with several
   * hard links is written in place, after `beforeInPlace`.
   */
  async write(
    name: string,
    credential: Credential,
    replaceable: readonly (string | null)[],
    beforeInPlace?: (text: string) => Promise<void>,
  ): Promise<void> {
    const path = await realpath(this.pathOf(name));
    const text = (await readBounded(path, limits.credentialFileBytes)) ?? '';
    const parsed = parseCredential(text);
    if (parsed.kind === 'broken') throw new CredentialFileChangedError(name, parsed.reason);
    if (isSameGeneration(parsed.credential, credential)) return;
    if (!replaceable.includes(parsed.credential.refreshToken?.fingerprint() ?? null))
      throw new CredentialFileChangedError(name, 'it now holds other tokens');
    const written = `${JSON.stringify(withTokens(documentIn(text), credential), null, 2)}\n`;
    await replaceFile(path, written, beforeInPlace);
    this.lastTexts.set(name, new Secret(written));
  }

  /** Returns the parsed file of this name. Rejects when it is missing or not a JSON object. */
  async document(name: string): Promise<Record<string, unknown>> {
    const text = (await readBounded(this.pathOf(name), limits.credentialFileBytes)) ?? '';
    const json = documentIn(text);
    if (json === null) throw new TypeError('the file is not JSON'); // the parser's message would quote it
    return asObject(json);
  }

  /** Replaces the text of the file of this name; follows symbolic links. */
  async rewrite(name: string, text: Secret): Promise<void> {
    await replaceFile(await realpath(this.pathOf(name)), text.reveal());
  }

  /** Creates or replaces the whole file of this name, with mode 0600; follows symbolic links. */
  async put(name: string, document: object): Promise<void> {
    const path = await realpath(this.pathOf(name)).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return this.pathOf(name);
      throw error;
    });
    await replaceFile(path, `${JSON.stringify(document, null, 2)}\n`);
  }

  /**
   * Replaces a broken file by an `auth.json` with these tokens; follows symbolic links. Its other fields are those of a
   * copy that `keep` has made of the same login.
   */
  async recreate(name: string, credential: Credential, keptIn: string | null): Promise<void> {
    const text = keptIn === null ? null : await this.keptText(keptIn);
    const document = documentOf(name, credential, text) ?? this.lastDocument(name, credential);
    await this.put(name, withTokens(document, credential));
  }

  /** Copies the file of this name, unless it is empty, to `.removed/` before it is overwritten. */
  async backUp(name: string): Promise<void> {
    const text = await readBounded(this.pathOf(name), limits.credentialFileBytes);
    if (text === null || text.trim() === '') return;
    await replaceFile(await this.removed.pathFor(name), text);
    this.logger.log('copied the older file to .removed', { account: name });
  }

  /** Writes tokens to `.removed/`, in a file of their own. Returns its path below the pool folder. */
  async keep(name: string, credential: Credential): Promise<string> {
    const path = await this.removed.pathFor(name, 'kept');
    await replaceFile(
      path,
      `${JSON.stringify(withTokens(this.lastDocument(name, credential), credential), null, 2)}\n`,
    );
    return relative(this.config.poolDir, path);
  }

  /** Reads tokens that `keep` has written; null if they are no longer readable. */
  async kept(path: string): Promise<Credential | null> {
    const parsed = parseCredential((await this.keptText(path)) ?? '');
    return parsed.kind === 'ok' ? parsed.credential : null;
  }

  /** Moves the file of this name, or the link, to `.removed/` in the pool folder. Returns its new path. */
  async remove(name: string): Promise<string> {
    const path = this.pathOf(name);
    const isLink = (await lstat(path)).isSymbolicLink();
    const target = await this.removed.pathFor(name);
    // The mode of another user's file cannot be changed, but the file can still be moved.
    if (!isLink) await chmod(path, OWNER_ONLY).catch(() => undefined);
    await rename(path, target);
    await syncFolder(dirname(target));
    await syncFolder(this.config.poolDir);
    return target;
  }

  private async entries(): Promise<string[]> {
    try {
      return await readdir(this.config.poolDir);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return []; // a removed folder may be about to be replaced
      throw error;
    }
  }

  /** The document that this account's file last held; a new one if it is not known. */
  private lastDocument(name: string, credential: Credential): object {
    const text = this.lastTexts.get(name)?.reveal() ?? null;
    return documentOf(name, credential, text) ?? authJsonOf(credential);
  }

  /** `path`: below the pool folder. */
  private keptText(path: string): Promise<string | null> {
    return readBounded(join(this.config.poolDir, path), limits.credentialFileBytes).catch(() => null);
  }

  private pathOf(name: string): string {
    return join(this.config.poolDir, name + SUFFIX);
  }

  private async tighten(name: string): Promise<string | null> {
    const path = this.pathOf(name);
    const { mode, nlink } = await stat(path);
    if (nlink > 1 && !this.warnedLinks.has(name)) {
      this.warnedLinks.set(name, true);
      this.logger.warn(
        'the credential file has hard links and is written in place; a symbolic link is safer',
        {
          account: name,
        },
      );
    }
    if (process.platform === 'win32') return null;
    if ((mode & 0o077) === 0) return null;
    try {
      await chmod(path, OWNER_ONLY);
      this.logger.log('file mode tightened to 0600', { account: name });
      return null;
    } catch (error) {
      return `others can read the file, and its mode cannot be tightened: ${errorCode(error) ?? 'unknown'}`;
    }
  }
}

/** The document in a text; null unless it has the same login as `credential`. */
function documentOf(name: string, credential: Credential, text: string | null): unknown {
  const parsed = parseCredential(text ?? '');
  if (parsed.kind === 'broken') return null;
  return identityOf(name, parsed.credential) === identityOf(name, credential) ? documentIn(text) : null;
}
