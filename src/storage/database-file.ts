import { mkdir, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DataSource } from 'typeorm';
import { errorCode } from '../runtime/pool-error.js';
import {
  type DatabaseDriver,
  driverOptions,
  migrations,
  prepareConnection,
  readOnlyOptions,
} from './database-driver.js';
import { makeDatabasePrivate } from './private-database.js';
import type { EntityClass } from './stored-table.js';

/** An open connection with the inode of its file, or a file that only a newer version understands. */
export type DatabaseFile =
  | { readonly kind: 'open'; readonly source: DataSource; readonly inode: bigint }
  | { readonly kind: 'newer'; readonly migration: string };

/**
 * Opens or creates the file and migrates its tables. A file of a newer version is left untouched.
 * @param noticed returns a handle that is disposed when the migration has ended
 */
export async function openFile(
  path: string,
  driver: DatabaseDriver,
  entities: readonly EntityClass[],
  noticed: () => Disposable | null = () => null,
): Promise<DatabaseFile> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await makeDatabasePrivate(path);
  const migration = await newerMigrationIn(path, driver);
  if (migration !== null) return { kind: 'newer', migration };
  const source = new DataSource(driverOptions(path, driver, entities));
  await source.initialize();
  try {
    await prepareConnection(source);
    await migrate(source, noticed);
    const inode = await inodeOf(path);
    if (inode === null) throw new Error('the database file disappeared while it was opened');
    return { kind: 'open', source, inode };
  } catch (error) {
    await source.destroy();
    throw error;
  }
}

async function migrate(source: DataSource, noticed: () => Disposable | null): Promise<void> {
  using _notice = noticed();
  await source.runMigrations({ transaction: 'all' });
}

/** Renames a file together with its `-wal` and `-shm` files, so that no data is lost; returns the new name. */
export async function setAside(path: string, at: number): Promise<string> {
  const aside = `${path}.damaged-${new Date(at).toISOString().replaceAll(':', '-')}`;
  for (const suffix of ['', '-wal', '-shm']) await moveIfThere(path + suffix, aside + suffix);
  return aside;
}

/** Returns the inode of the file at this path; null if the file does not exist. */
export async function inodeOf(path: string): Promise<bigint | null> {
  try {
    return (await stat(path, { bigint: true })).ino;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null;
    throw error;
  }
}

async function moveIfThere(from: string, to: string): Promise<void> {
  if ((await inodeOf(from)) !== null) await rename(from, to);
}

/** Checks a file read-only: not even its journal mode may change before we know that this version understands it. */
async function newerMigrationIn(path: string, driver: DatabaseDriver): Promise<string | null> {
  if ((await inodeOf(path)) === null) return null;
  const source = new DataSource(readOnlyOptions(path, driver));
  await source.initialize();
  try {
    return await newerMigration(source);
  } finally {
    await source.destroy();
  }
}

/** Returns the name of a migration that this version does not know; null if it knows all. */
async function newerMigration(source: DataSource): Promise<string | null> {
  const runner = source.createQueryRunner();
  try {
    if (!(await runner.hasTable('migrations'))) return null;
    const known = new Set(migrations.map((it) => it.name));
    const rows: { name: string }[] = await source
      .createQueryBuilder()
      .select('name')
      .from('migrations', 'm')
      .getRawMany();
    return rows.find((it) => !known.has(it.name))?.name ?? null;
  } finally {
    await runner.release();
  }
}
