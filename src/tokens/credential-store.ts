import { chmod, lstat, mkdir, readdir, realpath, rename, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { limits } from '../config/limits.js';
import { describeError, errorCode } from '../runtime/pool-error.js';
import { readBounded, replaceFile, syncFolder } from '../runtime/atomic-file.js';
import { type Credential, isSameGeneration, parseCredential } from './credential.js';
import { CredentialFileChangedError } from './tokens.errors.js';

const SUFFIX = '.json';
const REMOVED = '.removed';
const OWNER_ONLY = 0o600;

/** One file of the pool folder: a credential, or the reason why it is none. Named after the file. */
export type CredentialFile =
  | {
      readonly kind: 'ok';
      readonly name: string;
      readonly credential: Credential;
      readonly warning: string | null;
      /** A symbolic link: Codex and we have the same file, and so one generation of tokens. */
      readonly isLink: boolean;
    }
  | { readonly kind: 'broken'; readonly name: string; readonly reason: string; readonly isMissing?: boolean };

/** Reads and writes `pool/*.json`. The format is Codex's own; what we do not know of it is kept. */
@Injectable()
export class CredentialStore {
  private readonly logger = new Logger(CredentialStore.name);

  constructor(@Inject(APP_CONFIG) private readonly config: AppConfig) {}

  /** All credential files, by name; none without a folder. One that cannot be read spoils nothing else. */
  async readAll(): Promise<CredentialFile[]> {
    const names = (await this.entries())
      .filter((it) => it.endsWith(SUFFIX) && !it.startsWith('.'))
      .map((it) => basename(it, SUFFIX))
      .toSorted();
    if (names.length > limits.poolFiles) {
      this.logger.warn('too many files in the pool folder', { files: names.length, read: limits.poolFiles });
    }
    return Promise.all(names.slice(0, limits.poolFiles).map((name) => this.read(name)));
  }

  /** One credential file. A mode wider than 0600 is tightened; where that fails, it is served with a warning. */
  async read(name: string): Promise<CredentialFile> {
    try {
      const text = await readBounded(this.pathOf(name), limits.credentialFileBytes);
      if (text === null)
        return { kind: 'broken', name, reason: 'the file is no regular file of at most 1 MiB' };
      const parsed = parseCredential(text);
      if (parsed.kind === 'broken') return { ...parsed, name };
      const isLink = (await lstat(this.pathOf(name))).isSymbolicLink();
      return { kind: 'ok', name, credential: parsed.credential, warning: await this.tighten(name), isLink };
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
   * Writes new tokens into the file of this name: all that else stands there is kept, in its order.
   * The file is replaced as a whole (temp file, fsync, rename, fsync of the folder) with mode 0600;
   * a symbolic link is followed, not replaced. Rejects when any step fails, or when the file holds other
   * refresh token than the one with the fingerprint `inFile` (null: none): then it is as before. A file that
   * has these tokens already is left as it is.
   */
  async write(name: string, credential: Credential, inFile: string | null): Promise<void> {
    const path = await realpath(this.pathOf(name));
    const text = (await readBounded(path, limits.credentialFileBytes)) ?? '';
    const parsed = parseCredential(text);
    if (parsed.kind === 'broken') throw new CredentialFileChangedError(name, parsed.reason);
    if (isSameGeneration(parsed.credential, credential)) return;
    if ((parsed.credential.refreshToken?.fingerprint() ?? null) !== inFile)
      throw new CredentialFileChangedError(name, 'it holds other tokens by now');
    const document: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    await replaceFile(path, `${JSON.stringify(merged(document, credential), null, 2)}\n`);
  }

  /** The file of this name as it stands, parsed. Rejects when there is none, or when it is no JSON object. */
  async document(name: string): Promise<Record<string, unknown>> {
    const text = (await readBounded(this.pathOf(name), limits.credentialFileBytes)) ?? '';
    let json: unknown;
    try {
      json = JSON.parse(text.replace(/^\uFEFF/, ''));
    } catch {
      throw new TypeError('the file is not JSON'); // the parser's own words would quote it
    }
    return asObject(json);
  }

  /** Makes or replaces the whole file of this name, with mode 0600; a symbolic link is followed. */
  async put(name: string, document: object): Promise<void> {
    const path = await realpath(this.pathOf(name)).catch((error: unknown) => {
      if (errorCode(error) === 'ENOENT') return this.pathOf(name);
      throw error;
    });
    await replaceFile(path, `${JSON.stringify(document, null, 2)}\n`);
  }

  /** Keeps a copy of what the file of this name holds now, in `.removed/`, before it is written over. */
  async copyAside(name: string): Promise<void> {
    const text = await readBounded(this.pathOf(name), limits.credentialFileBytes);
    if (text === null) return;
    await replaceFile(await this.asideOf(name), text);
    this.logger.log('a copy of the older file is kept', { account: name });
  }

  /** Moves the file of this name to `.removed/` in the pool folder, and gives its new path. Of a link, only the link moves. */
  async remove(name: string): Promise<string> {
    const path = this.pathOf(name);
    const target = await this.asideOf(name);
    const isLink = (await lstat(path)).isSymbolicLink();
    // A file of somebody else's keeps the mode that it has; that is no reason to keep it in the pool.
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
      if (errorCode(error) === 'ENOENT') return []; // who has removed it may be about to put another one there
      throw error;
    }
  }

  private pathOf(name: string): string {
    return join(this.config.poolDir, name + SUFFIX);
  }

  private async asideOf(name: string): Promise<string> {
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
  throw new TypeError('the file is no longer in the form of a Codex auth.json');
}
