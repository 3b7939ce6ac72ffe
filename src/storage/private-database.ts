import { open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { tightenFile } from '../runtime/files/private-files.js';

/** Suffixes of the database's other files: those of SQLite, and damaged ones set aside. */
const otherFile = /^(?:-wal|-shm|-journal|\.lock|\.damaged-.*)$/;

/** Whether a name in the folder of the database is one of its files. */
export function isDatabaseFile(dbPath: string, name: string): boolean {
  const base = basename(dbPath);
  return name === base || (name.startsWith(base) && otherFile.test(name.slice(base.length)));
}

/**
 * Makes the files of a database readable by their owner only, whatever the umask. SQLite gives its other files the
 * rights of the database, so a new one is created empty here. A folder that cannot be written is SQLite's to report.
 */
export async function makeDatabasePrivate(dbPath: string): Promise<void> {
  try {
    await (await open(dbPath, 'a', 0o600)).close();
    for (const name of await readdir(dirname(dbPath)))
      if (isDatabaseFile(dbPath, name)) await tightenFile(join(dirname(dbPath), name));
  } catch {
    // a read-only or foreign folder, which the driver may still be able to read
  }
}
