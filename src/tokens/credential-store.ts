import { randomBytes } from 'node:crypto';
import {
  chmod,
  constants,
  lstat,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  stat,
  unlink,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../app.config.js';
import { limits } from '../limits.js';
import { describeError, errorCode } from '../pool-error.js';
import type { Secret } from '../secret.js';
import { type Credential, parseCredential } from './credential.js';
import { CredentialFileChangedError } from './tokens.errors.js';

const SUFFIX = '.json';
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
  | { readonly kind: 'broken'; readonly name: string; readonly reason: string };

/** Reads and writes `pool/*.json`. The format is Codex's own; what we do not know of it is kept. */
@Injectable()
export class CredentialStore {
  private readonly logger = new Logger(CredentialStore.name);

  constructor(@Inject(APP_CONFIG) private readonly config: AppConfig) {}

  /** All credential files, by name. One that cannot be read spoils nothing else. */
  async readAll(): Promise<CredentialFile[]> {
    await mkdir(this.config.poolDir, { recursive: true, mode: 0o700 });
    const entries = await readdir(this.config.poolDir);
    const names = entries
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
      const text = await readBounded(this.pathOf(name));
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
        reason: `the file cannot be read: ${errorCode(error) ?? describeError(error)}`,
      };
    }
  }

  /**
   * Writes new tokens into the file of this name: all that else stands there is kept, in its order.
   * The file is replaced as a whole (temp file, fsync, rename, fsync of the folder) with mode 0600;
   * a symbolic link is followed, not replaced. Rejects when any step fails, or when the file holds other
   * tokens than the `spent` ones that the new ones were issued for: then it is as before.
   */
  async write(name: string, credential: Credential, spent: Secret | null): Promise<void> {
    const path = await realpath(this.pathOf(name));
    const text = (await readBounded(path)) ?? '';
    const parsed = parseCredential(text);
    if (parsed.kind === 'broken') throw new CredentialFileChangedError(name, parsed.reason);
    const { refreshToken } = parsed.credential;
    const isOurs = refreshToken === null ? spent === null : spent !== null && refreshToken.equals(spent);
    if (!isOurs) throw new CredentialFileChangedError(name, 'it holds other tokens by now');
    const document: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    await replaceFile(path, `${JSON.stringify(merged(document, credential), null, 2)}\n`);
  }

  private pathOf(name: string): string {
    return join(this.config.poolDir, name + SUFFIX);
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

async function readBounded(path: string): Promise<string | null> {
  // Without waiting: a named pipe would keep the start for ever.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const facts = await file.stat();
    if (!facts.isFile() || facts.size > limits.credentialFileBytes) return null;
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

async function replaceFile(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx', OWNER_ONLY);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined); // it may never have come to be
    throw error;
  }
  await syncFolder(folder);
}

async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // folders cannot be opened there
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
