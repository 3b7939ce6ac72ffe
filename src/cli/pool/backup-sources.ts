import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { TarSource } from 'modern-tar/fs';
import type { AppConfig } from '../../config/app.config.js';
import { limits } from '../../config/limits.js';
import { describeError, errorCode } from '../../runtime/pool-error.js';
import { identityOf, parseCredential } from '../../tokens/credential-file/credential.js';
import { CredentialClaim } from '../../tokens/journal/credential-claim.js';
import { journalFolders, journalName } from '../../tokens/journal/journal-place.js';
import { CommandError } from '../command/command-error.js';

const PRIVATE = 0o600;
const REMOVED = '.removed';

type Places = Pick<AppConfig, 'poolDir' | 'dbPath' | 'runtimeFolders'>;

/**
 * Returns the files of the pool folder, each as it is while no refresh of its account runs, with the journals of
 * unfinished refreshes, the other journals, and the tokens that are kept for broken files.
 * @throws CommandError
 */
export async function poolSources(places: Places): Promise<{
  readonly logins: number;
  readonly sources: readonly TarSource[];
}> {
  const { poolDir } = places;
  const names = await readdir(poolDir).catch((error: unknown) => {
    throw new CommandError(
      errorCode(error) === 'ENOENT'
        ? `There is no pool folder ${poolDir}. Run this in the folder in which the proxy runs.`
        : `The pool folder ${poolDir} cannot be read: ${describeError(error)}`,
    );
  });
  const files = names.filter((it) => it.endsWith('.json') && !it.startsWith('.')).toSorted();
  const sources: TarSource[] = [];
  const ofLogins = new Set<string>();
  for (const file of files) {
    const login = await loginSources(places, basename(file, '.json'));
    sources.push(...login.sources);
    if (login.journal !== null) ofLogins.add(login.journal);
  }
  const others = await otherJournals(places, ofLogins);
  return { logins: files.length, sources: [...sources, ...others, ...(await keptSources(poolDir))] };
}

/** Returns `.env`, if there is one. @throws CommandError */
export async function settingsSources(): Promise<readonly TarSource[]> {
  try {
    return [content('.env', await readFile('.env'))];
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw new CommandError(`.env cannot be read: ${describeError(error)}`);
  }
}

/** Copies a database that may be in use into a new file. @throws CommandError */
export async function copyDatabase(from: string, to: string): Promise<void> {
  process.removeAllListeners('warning'); // Node says that its SQLite is experimental
  const { DatabaseSync } = await import('node:sqlite');
  try {
    const database = new DatabaseSync(from, { readOnly: true });
    try {
      database.prepare('VACUUM INTO ?').run(to);
    } finally {
      database.close();
    }
  } catch (error) {
    throw new CommandError(
      `The database ${from} cannot be copied: ${describeError(error)}. \`--without-database\` leaves it out.`,
    );
  }
}

/** Returns a login, and the name of its journal, which is among the sources if a refresh is unfinished. */
async function loginSources(
  places: Places,
  name: string,
): Promise<{ readonly sources: readonly TarSource[]; readonly journal: string | null }> {
  const path = join(places.poolDir, `${name}.json`);
  const target = `pool/${name}.json`;
  const parsed = parseCredential(await text(path));
  if (parsed.kind === 'broken') return { sources: [content(target, await bytes(path))], journal: null }; // no refresh changes it
  const id = identityOf(name, parsed.credential);
  await using claim = await claimOf(places, { id, name });
  const journals = claim?.unfinished ?? [];
  const sources = [
    content(target, await bytes(path)),
    ...journals.map((it) => content(journalTarget(places, it.path), it.content)),
  ];
  return { sources, journal: claim === null ? null : journalName(id) };
}

/** Returns the journals of files that are broken or cut off: a start completes these files from them. */
async function otherJournals(places: Places, ofLogins: ReadonlySet<string>): Promise<readonly TarSource[]> {
  const sources: TarSource[] = [];
  for (const folder of journalFolders(places)) {
    const names = existsSync(folder) ? await readdir(folder) : [];
    for (const name of names.filter((it) => !ofLogins.has(it)).toSorted()) {
      const path = join(folder, name);
      sources.push(content(journalTarget(places, path), await bytes(path)));
    }
  }
  return sources;
}

/** Returns null if this file system knows no locks: then each file is read in one go, as the program does there. */
async function claimOf(
  places: Places,
  account: { readonly id: string; readonly name: string },
): Promise<CredentialClaim | null> {
  let claim: CredentialClaim | null;
  try {
    claim = await CredentialClaim.take(places, account, limits.lockPatienceMs);
  } catch {
    return null;
  }
  if (claim !== null) return claim;
  throw new CommandError(`The token of ${account.name} is being refreshed. Try again in a minute.`);
}

function journalTarget(places: Places, path: string): string {
  const [inPool = ''] = journalFolders(places);
  return `${path.startsWith(inPool) ? 'pool' : 'data'}/.journal/${basename(path)}`;
}

async function keptSources(poolDir: string): Promise<readonly TarSource[]> {
  const folder = join(poolDir, REMOVED);
  const names = existsSync(folder) ? await readdir(folder).catch(() => []) : [];
  const kept = names.filter((it) => it.endsWith('.kept.json')).toSorted();
  return await Promise.all(
    kept.map(async (it) => content(`pool/${REMOVED}/${it}`, await bytes(join(folder, it)))),
  );
}

function content(target: string, what: Buffer): TarSource {
  return { type: 'content', target, content: what, mode: PRIVATE };
}

async function bytes(path: string): Promise<Buffer> {
  return await readFile(path).catch((error: unknown) => {
    throw new CommandError(`${path} cannot be read: ${describeError(error)}`);
  });
}

async function text(path: string): Promise<string> {
  return (await bytes(path)).toString('utf8');
}
