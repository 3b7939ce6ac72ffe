import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../runtime/pool-error.js';
import { LockedJournal } from './journal-file.js';
import type { FileInPlace } from './journal-entry.js';

/** Returns the credential files that were being written in place when their process died, from all journals. */
export async function filesInPlace(folders: readonly string[]): Promise<FileInPlace[]> {
  const found: FileInPlace[] = [];
  for (const folder of folders) {
    for (const name of await journalsIn(folder)) {
      const file = await fileIn(join(folder, name));
      if (file !== null) found.push(file);
    }
  }
  return found;
}

async function fileIn(path: string): Promise<FileInPlace | null> {
  try {
    await using journal = new LockedJournal(await open(path, 'r'));
    return (await journal.entry())?.unsaved?.file ?? null;
  } catch {
    return null; // unreadable: the account's next refresh reports it
  }
}

async function journalsIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).filter((it) => it.endsWith('.journal'));
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return [];
    throw error;
  }
}
