import { createHash } from 'node:crypto';
import { lstat, open, readFile, unlink } from 'node:fs/promises';
import { placeholderLogin } from '../../clients/placeholder-login.js';
import { describeError, errorCode } from '../../runtime/pool-error.js';
import { isRecord } from '../../runtime/is-record.js';
import type { Secret } from '../../runtime/secret.js';
import { CommandError } from '../command/command-error.js';

/** A login for Codex that belongs to no account, as text of an `auth.json`. */
export interface ClientLogin {
  readonly text: string;
  /** Recognizes it later, without holding its token. */
  readonly fingerprint: string;
}

/** Makes the login that `setup --client-login` writes. With a client token, Codex sends that token. */
export function clientLogin(clientToken: Secret | null): ClientLogin {
  const login = placeholderLogin(clientToken);
  const fingerprint = fingerprintOf(login);
  if (fingerprint === null) throw new TypeError('the placeholder login is not one');
  return { text: `${JSON.stringify(login, null, 2)}\n`, fingerprint };
}

/** Whether there is anything at this path. */
export async function hasLogin(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return false;
    throw error;
  }
}

/**
 * Writes a login where there is none.
 * @returns false if there is one now
 * @throws CommandError if it cannot be written
 */
export async function writeLogin(path: string, { text }: ClientLogin): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600); // never overwrites a login that may be real
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw new CommandError(`${path} cannot be written: ${describeError(error)}.`);
  }
}

/** Removes the login with this fingerprint. Returns false if there is another one now, which stays. */
export async function removeLogin(path: string, fingerprint: string): Promise<boolean> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return true;
    return false;
  }
  if (fingerprintOf(parsed(text)) !== fingerprint) return false;
  await unlink(path);
  return true;
}

/** The SHA-256 of the tokens that decide whose login it is; Codex may write the file in another form. */
function fingerprintOf(login: unknown): string | null {
  if (!isRecord(login) || !isRecord(login['tokens'])) return null;
  const { access_token: access, refresh_token: refresh, account_id: account } = login['tokens'];
  return createHash('sha256')
    .update(JSON.stringify([access, refresh, account]))
    .digest('hex');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
