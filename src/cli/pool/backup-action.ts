import { constants, existsSync } from 'node:fs';
import { copyFile, link, mkdtemp, open, rm, stat, unlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { createGzip } from 'node:zlib';
import { packTarSources, type TarSource } from 'modern-tar/fs';
import { temporaryPathFor } from '../../runtime/files/temporary-file.js';
import { describeError, errorCode } from '../../runtime/pool-error.js';
import { cliSettings } from '../command/cli-settings.js';
import { CommandError } from '../command/command-error.js';
import { exitCodes } from '../command/exit-codes.js';
import type { Output } from '../command/output.js';
import { copyDatabase, poolSources, settingsSources } from './backup-sources.js';

const PRIVATE = 0o600;
const isArchive = /\.(?:tar|tar\.gz|tgz)$/;
const TOKENS_CHANGE =
  'Tokens change: once the pool has refreshed a login, the copy in this archive is spent, and its account needs a new login after a restore.';

export interface BackupFlags {
  readonly json: boolean;
  readonly withoutDatabase: boolean;
}

/**
 * Writes the pool's logins, the settings in `.env` and the database into one tar archive with mode 0600, also while the
 * proxy runs. Extracted in an empty folder, it is ready for a start there.
 * @throws CommandError; an existing file is never overwritten, and half an archive never left
 */
export async function backup(
  file: string,
  { json, withoutDatabase }: BackupFlags,
  output: Output,
): Promise<void> {
  const path = resolve(file);
  if (!isArchive.test(path))
    throw new CommandError('Name a file that ends in .tar, .tar.gz or .tgz.', exitCodes.wrongUse);
  if (existsSync(path)) throw new CommandError(`${path} exists. Name another file.`);
  const places = cliSettings();
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
  const hasDatabase = !withoutDatabase && existsSync(places.dbPath);
  const scratch = hasDatabase ? await mkdtemp(join(dirname(places.dbPath), '.backup-')) : null;
  try {
    const sources: TarSource[] = [];
    if (scratch !== null) {
      const source = join(scratch, 'proxy.db');
      await copyDatabase(places.dbPath, source);
      sources.push({ type: 'file', source, target: 'data/proxy.db', mode: PRIVATE });
    }
    const settings = await settingsSources();
    const pool = await poolSources(places); // last: tokens change most
    await write(path, [...sources, ...settings, ...pool.sources], stop.signal);
    const { size } = await stat(path);
    const parts = [
      `${pool.logins} login${pool.logins === 1 ? '' : 's'}`,
      ...(settings.length === 0 ? [] : ['.env']),
      ...(hasDatabase ? ['the database'] : []),
    ];
    if (json)
      output.json({
        file: path,
        bytes: size,
        logins: pool.logins,
        settings: settings.length > 0,
        database: hasDatabase,
      });
    else output.line(`${file}: ${parts.join(', ')}; ${size} bytes, readable by you only.`);
    for (const it of notes(places, settings.length > 0)) output.note(it);
  } finally {
    if (scratch !== null) await rm(scratch, { recursive: true, force: true });
  }
}

function notes(
  { poolDir, dbPath }: { poolDir: string; dbPath: string },
  hasSettings: boolean,
): readonly string[] {
  const isElsewhere = resolve(poolDir) !== resolve('pool') || resolve(dbPath) !== resolve('data/proxy.db');
  const places =
    'The archive has the folders pool/ and data/; the settings name others (POOL_DIR, PROXY_DB_PATH): change them after a restore.';
  return [TOKENS_CHANGE, ...(isElsewhere && hasSettings ? [places] : [])];
}

/** Writes the archive beside its place, and gives it its name when it is whole. */
async function write(path: string, sources: TarSource[], signal: AbortSignal): Promise<void> {
  const draft = temporaryPathFor(path);
  try {
    await using archive = await open(draft, 'wx', PRIVATE);
    const tar = packTarSources(sources);
    const bytes = path.endsWith('.tar') ? tar : tar.compose(createGzip());
    for await (const chunk of bytes) {
      signal.throwIfAborted();
      await archive.writeFile(chunk);
    }
    await archive.sync();
    await named(draft, path);
  } catch (error) {
    if (signal.aborted) throw new CommandError('Interrupted. No archive was written.');
    if (errorCode(error) === 'EEXIST') throw new CommandError(`${path} exists. Name another file.`);
    throw new CommandError(`${path} cannot be written: ${describeError(error)}`);
  } finally {
    await unlink(draft).catch(() => undefined); // its other name stays
  }
}

/** Gives a file a second name, or copies it where a file can have only one. Never overwrites. */
async function named(draft: string, path: string): Promise<void> {
  try {
    await link(draft, path);
  } catch (error) {
    if (errorCode(error) === 'EEXIST') throw error;
    await copyFile(draft, path, constants.COPYFILE_EXCL);
  }
}
