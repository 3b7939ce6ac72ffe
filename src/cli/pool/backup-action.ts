import { createWriteStream, existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { packTarSources, type TarSource } from 'modern-tar/fs';
import { describeError, errorCode } from '../../runtime/pool-error.js';
import { cliSettings } from '../command/cli-settings.js';
import { CommandError } from '../command/command-error.js';
import { exitCodes } from '../command/exit-codes.js';
import type { Output } from '../command/output.js';

const PRIVATE = 0o600;
const JOURNAL = '.journal';
const MOST_READINGS = 20;
const isArchive = /\.(?:tar|tar\.gz|tgz)$/;

/**
 * Writes the pool's logins, the settings in `.env` and the database into one tar archive with mode 0600, also while the
 * proxy runs. Extracted in an empty folder, it is ready for a start there.
 * @throws CommandError; an existing file is never overwritten
 */
export async function backup(file: string, output: Output): Promise<void> {
  const path = resolve(file);
  if (!isArchive.test(path))
    throw new CommandError('Name a file that ends in .tar, .tar.gz or .tgz.', exitCodes.wrongUse);
  const { poolDir, dbPath } = cliSettings();
  const logins = await loginsIn(poolDir);
  const scratch = existsSync(dbPath) ? await mkdtemp(join(dirname(dbPath), '.backup-')) : null;
  try {
    const copy = scratch === null ? null : await databaseCopy(dbPath, join(scratch, 'proxy.db'));
    const settings = await settingsFile();
    const sources: TarSource[] = [
      ...[...logins].map(
        ([it, content]) => ({ type: 'content', target: `pool/${it}`, content, mode: PRIVATE }) as const,
      ),
      ...settings,
      ...(copy === null
        ? []
        : [{ type: 'file', source: copy, target: 'data/proxy.db', mode: PRIVATE } as const]),
    ];
    await write(path, sources);
    const { size } = await stat(path);
    const count = [...logins.keys()].filter((it) => !it.startsWith(JOURNAL)).length;
    const parts = [
      `${count} login${count === 1 ? '' : 's'}`,
      ...(settings.length === 0 ? [] : ['.env']),
      ...(copy === null ? [] : ['the database']),
    ];
    output.line(`${file}: ${parts.join(', ')}; ${size} bytes, readable by you only.`);
    output.note(
      'Tokens change: once the pool has refreshed a login, the copy in this archive is spent, and its account needs a new login after a restore.',
    );
  } finally {
    if (scratch !== null) await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * Returns the files of the pool folder and of its journal, which holds tokens that are not in their file yet. They are
 * read until two readings agree, so that no refresh falls between.
 * @throws CommandError
 */
async function loginsIn(poolDir: string): Promise<Buffers> {
  let before = await readingOf(poolDir);
  for (let tries = 0; tries < MOST_READINGS; tries += 1) {
    const now = await readingOf(poolDir);
    if (isSame(before, now)) return now;
    before = now;
  }
  throw new CommandError('The pool changes all the time. Try again in a moment.');
}

/** Contents by path below the pool folder. */
type Buffers = ReadonlyMap<string, Buffer>;

async function readingOf(poolDir: string): Promise<Buffers> {
  const names = await readdir(poolDir).catch((error: unknown) => {
    throw new CommandError(`The pool folder ${poolDir} cannot be read: ${describeError(error)}`);
  });
  const journal = await readdir(join(poolDir, JOURNAL)).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw new CommandError(`The journal of ${poolDir} cannot be read: ${describeError(error)}`);
  });
  const paths = [
    ...names.filter((it) => it.endsWith('.json') && !it.startsWith('.')),
    ...journal.map((it) => `${JOURNAL}/${it}`),
  ].toSorted();
  const read = async (path: string): Promise<[string, Buffer]> => [path, await readFile(join(poolDir, path))];
  return new Map(
    await Promise.all(paths.map(read)).catch((error: unknown) => {
      throw new CommandError(`The pool cannot be read: ${describeError(error)}`);
    }),
  );
}

function isSame(one: Buffers, other: Buffers): boolean {
  return (
    one.size === other.size && [...one].every(([path, bytes]) => other.get(path)?.equals(bytes) === true)
  );
}

async function settingsFile(): Promise<TarSource[]> {
  try {
    return [{ type: 'content', target: '.env', content: await readFile('.env'), mode: PRIVATE }];
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return [];
    throw new CommandError(`.env cannot be read: ${describeError(error)}`);
  }
}

/** Copies a database that may be in use. */
async function databaseCopy(from: string, to: string): Promise<string> {
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
    throw new CommandError(`The database ${from} cannot be copied: ${describeError(error)}`);
  }
  return to;
}

async function write(path: string, sources: TarSource[]): Promise<void> {
  const archive = createWriteStream(path, { flags: 'wx', mode: PRIVATE });
  try {
    const tar = packTarSources(sources);
    await (path.endsWith('.tar') ? pipeline(tar, archive) : pipeline(tar, createGzip(), archive));
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw new CommandError(`${path} exists. Name another file.`);
    await unlink(path).catch(() => undefined); // half an archive helps nobody
    throw new CommandError(`${path} cannot be written: ${describeError(error)}`);
  }
}
