import { chmod, lstat, mkdir, readdir, realpath, rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { limits } from '../config/limits.js';
import { describeError, errorCode } from '../runtime/pool-error.js';
import { readBounded, replaceFile, syncFolder } from '../runtime/atomic-file.js';
import { type Credential, isSameGeneration, parseCredential } from './credential-file/credential.js';
import { describeDoubt, doubtAbout } from './credential-file/login-doubts.js';
import { CredentialFileChangedError } from './tokens.errors.js';

const SUFFIX = '.json';
const REMOVED = '.removed';
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

  constructor(@Inject(APP_CONFIG) private readonly config: AppConfig) {}

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
    try {
      const text = await readBounded(this.pathOf(name), limits.credentialFileBytes);
      if (text === null)
        return { kind: 'broken', name, reason: 'the file is not a regular file of at most 1 MiB' };
      const parsed = parseCredential(text);
      if (parsed.kind === 'broken') return { kind: 'broken', name, reason: parsed.reason };
      const { credential } = parsed;
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
   * fingerprint of the file's refresh token is not among `replaceable` (null: no refresh token).
   */
  async write(name: string, credential: Credential, replaceable: readonly (string | null)[]): Promise<void> {
    const path = await realpath(this.pathOf(name));
    const text = (await readBounded(path, limits.credentialFileBytes)) ?? '';
    const parsed = parseCredential(text);
    if (parsed.kind === 'broken') throw new CredentialFileChangedError(name, parsed.reason);
    if (isSameGeneration(parsed.credential, credential)) return;
    if (!replaceable.includes(parsed.credential.refreshToken?.fingerprint() ?? null))
      throw new CredentialFileChangedError(name, 'it now holds other tokens');
    const document: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    await replaceFile(path, `${JSON.stringify(merged(document, credential), null, 2)}\n`);
  }

  /** Returns the parsed file of this name. Rejects when it is missing or not a JSON object. */
  async document(name: string): Promise<Record<string, unknown>> {
    const text = (await readBounded(this.pathOf(name), limits.credentialFileBytes)) ?? '';
    let json: unknown;
    try {
      json = JSON.parse(text.replace(/^\uFEFF/, ''));
    } catch {
      throw new TypeError('the file is not JSON'); // the parser's message would quote it
    }
    return asObject(json);
  }

  /** Creates or replaces the whole file of this name, with mode 0600; follows symbolic links. */
  async put(name: string, document: object): Promise<void> {
    const path = await realpath(this.pathOf(name)).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return this.pathOf(name);
      throw error;
    });
    await replaceFile(path, `${JSON.stringify(document, null, 2)}\n`);
  }

  /** Copies the file of this name to `.removed/` before it is overwritten. */
  async backUp(name: string): Promise<void> {
    const text = await readBounded(this.pathOf(name), limits.credentialFileBytes);
    if (text === null) return;
    await replaceFile(await this.removedPathOf(name), text);
    this.logger.log('copied the older file to .removed', { account: name });
  }

  /** Moves the file of this name, or the link, to `.removed/` in the pool folder. Returns its new path. */
  async remove(name: string): Promise<string> {
    const path = this.pathOf(name);
    const target = await this.removedPathOf(name);
    const isLink = (await lstat(path)).isSymbolicLink();
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

  private pathOf(name: string): string {
    return join(this.config.poolDir, name + SUFFIX);
  }

  private async removedPathOf(name: string): Promise<string> {
    const folder = join(this.config.poolDir, REMOVED);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const at = new Date().toISOString().replaceAll(':', '-'); // Windows takes no colons
    return join(folder, `${name}-${at}${SUFFIX}`);
  }

  private async tighten(name: string): Promise<string | null> {
    if (process.platform === 'win32') return null;
    const path = this.pathOf(name);
    const { mode } = await stat(path);
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

function merged(
  document: unknown,
  { idToken, accessToken, refreshToken, lastRefreshAt }: Credential,
): object {
  const file = asObject(document);
  return {
    ...file,
    tokens: {
      ...asObject(file['tokens']),
      ...(idToken === null ? {} : { id_token: idToken.reveal() }),
      access_token: accessToken.reveal(),
      ...(refreshToken === null ? {} : { refresh_token: refreshToken.reveal() }),
    },
    ...(lastRefreshAt === null ? {} : { last_refresh: new Date(lastRefreshAt).toISOString() }),
  };
}

function asObject(value: unknown): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new TypeError('the file is no longer a valid Codex auth.json');
}
