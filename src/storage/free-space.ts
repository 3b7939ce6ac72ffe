import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { QueryRunner } from 'typeorm';
import { limits } from '../config/limits.js';
import type { Database } from './database.js';

/** SQLite's own numbers about the file. */
interface FilePages {
  readonly pages: number;
  readonly free: number;
  readonly pageBytes: number;
  /** Whether single free pages can be given back. */
  readonly isIncremental: boolean;
}

const INCREMENTAL = 2;

/**
 * Gives free pages back to the disk, in small steps, so that nothing waits long for the database. A file of an older
 * version is rewritten first if that is worthwhile and the disk has room: once, for seconds, in the database's thread.
 * @returns the number of bytes
 */
export async function giveSpaceBack(
  database: Database,
  path: string,
  isStopping: () => boolean,
): Promise<number> {
  const before = await database.maintain(pagesOf);
  let after = before;
  if (!before.isIncremental) {
    if (!(await isWorthRewriting(path, before))) return 0;
    await database.maintain(rewrite);
    after = await database.maintain(pagesOf);
  }
  while (after.free > limits.freePagesKept && !isStopping()) {
    const step = Math.min(after.free - limits.freePagesKept, limits.freePagesStep);
    // A row for each page: the pragma does its work as they are read.
    await database.maintain(async (runner) => await runner.query(`PRAGMA incremental_vacuum(${step})`));
    const left = await database.maintain(pagesOf);
    if (left.free >= after.free) break;
    after = left;
    await pause(limits.retentionPauseMs);
  }
  if (after.pages === before.pages) return 0;
  await database.maintain(async (runner) => await runner.query('PRAGMA wal_checkpoint(TRUNCATE)'));
  return (before.pages - after.pages) * before.pageBytes;
}

async function pagesOf(runner: QueryRunner): Promise<FilePages> {
  const numberOf = async (pragma: string): Promise<number> => {
    const [row]: Record<string, unknown>[] = await runner.query(`PRAGMA ${pragma}`);
    return Number(row?.[pragma]);
  };
  return {
    pages: await numberOf('page_count'),
    free: await numberOf('freelist_count'),
    pageBytes: await numberOf('page_size'),
    isIncremental: (await numberOf('auto_vacuum')) === INCREMENTAL,
  };
}

/** A rewrite needs the room of the file twice: for the copy, and for the log that replaces the file with it. */
async function isWorthRewriting(path: string, { pages, free, pageBytes }: FilePages): Promise<boolean> {
  if (free <= limits.freePagesKept || free < pages * limits.freeRatioToRewrite) return false;
  const { bavail, bsize } = await statfs(dirname(path));
  return bavail * bsize > 2 * pages * pageBytes;
}

async function rewrite(runner: QueryRunner): Promise<void> {
  await runner.query(`PRAGMA auto_vacuum = ${INCREMENTAL}`);
  await runner.query('VACUUM');
}
