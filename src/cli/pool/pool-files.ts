import { link, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Credential, identityOf, parseCredential } from '../../tokens/credential-file/credential.js';
import type { AppConfig } from '../../config/app.config.js';
import { limits } from '../../config/limits.js';
import { readBounded, syncFolder } from '../../runtime/files/atomic-file.js';
import { temporaryPathFor } from '../../runtime/files/temporary-file.js';
import { describeError, errorCode } from '../../runtime/pool-error.js';
import { checkDocument, checkName } from '../../tokens/import-check.js';
import { CredentialClaim } from '../../tokens/journal/credential-claim.js';
import { RemovedFiles } from '../../tokens/removed-files.js';
import { clock } from '../../wording/times.js';
import { cliSettings } from '../command/cli-settings.js';
import { CommandError } from '../command/command-error.js';
import { inOneLine } from '../command/text-width.js';

const SUFFIX = '.json';

/** A file of the pool folder, seen without a running proxy. */
export interface PoolFile {
  readonly name: string;
  readonly usable: boolean;
  readonly sentence: string;
}

interface ReadFile {
  readonly name: string;
  readonly credential: Credential | null;
  readonly fault: string;
}

/** Lists the files of the pool folder. */
export async function listFiles(): Promise<readonly PoolFile[]> {
  const now = Date.now();
  return (await readFiles()).map(({ name, credential, fault }) => {
    if (credential === null) return { name, usable: false, sentence: `File not usable: ${fault}` };
    const { expiresAt } = credential;
    const until = expiresAt === null ? '' : `, token until ${clock(expiresAt, now)}`;
    return { name, usable: true, sentence: `in the pool folder${until}; no proxy runs` };
  });
}

/**
 * Moves the file of an account to `.removed/`; returns its new path.
 * @throws CommandError, also if the newest tokens of the account are not in the file
 */
export async function removeFile(name: string): Promise<{ readonly movedTo: string }> {
  const files = await readFiles();
  const file = files.find((it) => it.name === name);
  if (file === undefined) {
    throw new CommandError(
      `The pool folder ${cliSettings().poolDir} has no account ${name}${othersOf(files)}.`,
    );
  }
  const settings = cliSettings();
  await using _claim = file.credential === null ? null : await claimed(settings, name, file.credential);
  const movedTo = await new RemovedFiles(settings.poolDir).pathFor(name);
  await rename(join(settings.poolDir, name + SUFFIX), movedTo);
  return { movedTo };
}

/** Returns the end of a sentence on an account that is not there. */
export function othersOf(accounts: readonly { readonly name: string }[]): string {
  return accounts.length === 0
    ? ', and no other'
    : `; it has ${accounts.map((it) => inOneLine(it.name)).join(', ')}`;
}

/** Excludes a refresh by a proxy at another address. Null if this file system knows no locks. */
async function claimed(
  settings: AppConfig,
  name: string,
  credential: Credential,
): Promise<AsyncDisposable | null> {
  const claim = await CredentialClaim.take(
    settings,
    { id: identityOf(name, credential), name },
    limits.lockPatienceMs,
  ).catch(() => undefined);
  if (claim === undefined) return null;
  if (claim === null)
    throw new CommandError(`The token of ${name} is being refreshed. Try again in a minute.`);
  if (!claim.unfinished.some((it) => it.hasTokens)) return claim;
  await claim[Symbol.asyncDispose]();
  throw new CommandError(
    `The newest tokens of ${name} are not in its file yet. Start the proxy, which writes them, then remove it.`,
  );
}

/**
 * Writes a login into the pool folder; returns the account's name.
 * @param name null takes the first free `account-N`
 * @throws CommandError or ImportRefusedError without writing anything
 */
export async function addFile(document: unknown, name: string | null): Promise<string> {
  if (name !== null) checkName(name);
  const credential = checkDocument(document);
  const files = await readFiles();
  const id = identityOf('', credential);
  const mine = files.find((it) => it.credential !== null && identityOf(it.name, it.credential) === id);
  if (mine !== undefined) {
    throw new CommandError(
      `${mine.name} is this account already. Start the proxy, and import again: it knows which tokens are newer.`,
    );
  }
  const { poolDir } = cliSettings();
  await mkdir(poolDir, { recursive: true, mode: 0o700 });
  const text = `${JSON.stringify(document, null, 2)}\n`;
  const taken = new Set(files.map((it) => it.name.toLowerCase()));
  for (;;) {
    const free = name ?? firstFree(taken);
    if (!taken.has(free.toLowerCase()) && (await createFile(join(poolDir, free + SUFFIX), text))) return free;
    if (name !== null)
      throw new CommandError(`The pool folder has a file ${free}${SUFFIX} already. Choose another --name.`);
    taken.add(free.toLowerCase()); // another import was faster
  }
}

/** Creates a file that is whole as soon as it has its name; false if the name is taken. */
async function createFile(path: string, text: string): Promise<boolean> {
  const draft = temporaryPathFor(path);
  try {
    await writeFile(draft, text, { flag: 'wx', mode: 0o600, flush: true });
    await link(draft, path);
    await syncFolder(dirname(path));
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw new CommandError(`${path} cannot be written: ${describeError(error)}`);
  } finally {
    await rm(draft, { force: true });
  }
}

function firstFree(taken: ReadonlySet<string>): string {
  for (let n = 1; ; n += 1) if (!taken.has(`account-${n}`)) return `account-${n}`;
}

async function readFiles(): Promise<readonly ReadFile[]> {
  const { poolDir } = cliSettings();
  const entries = await readdir(poolDir).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw new CommandError(`The pool folder ${poolDir} cannot be read: ${describeError(error)}`);
  });
  const names = entries.filter((it) => it.endsWith(SUFFIX) && !it.startsWith('.')).toSorted();
  return await Promise.all(names.map((it) => readOne(poolDir, basename(it, SUFFIX))));
}

async function readOne(poolDir: string, name: string): Promise<ReadFile> {
  try {
    const text = await readBounded(join(poolDir, name + SUFFIX), limits.credentialFileBytes);
    if (text === null) return { name, credential: null, fault: 'it is too large' };
    const parsed = parseCredential(text);
    return parsed.kind === 'broken'
      ? { name, credential: null, fault: parsed.reason }
      : { name, credential: parsed.credential, fault: '' };
  } catch (error) {
    return { name, credential: null, fault: describeError(error) };
  }
}
