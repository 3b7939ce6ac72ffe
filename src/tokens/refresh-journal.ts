import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../app.config.js';
import { describeError, errorCode } from '../pool-error.js';
import { syncFolder } from './atomic-file.js';
import { lockFile } from '../file-lock.js';
import { HeldJournal, JOURNAL_BYTES, type JournalEntry } from './held-journal.js';

const FOLDER = '.journal';
const OWNER_ONLY = 0o600;

/**
 * Where new tokens are before anything else: one small file for each account, whose room is taken as soon as the
 * account is seen, so that a full disk cannot refuse it. In `pool/.journal/`, or beside the database where the pool
 * folder is not ours to write. Holding an account's journal is also the lock on its refresh, across processes.
 */
@Injectable()
export class RefreshJournal {
  private readonly logger = new Logger(RefreshJournal.name);
  private readonly folders: readonly string[];
  private hasWarned = false;

  constructor(@Inject(APP_CONFIG) config: AppConfig) {
    this.folders = [join(config.poolDir, FOLDER), join(dirname(config.dbPath), FOLDER)];
  }

  /**
   * Takes hold of an account's journal, by the account's identity; nobody else refreshes it until it is let go. Waits
   * up to so many ms; null when another process has it still. Where no disk has room for it the hold keeps nothing
   * (`isOnDisk`).
   */
  async hold(id: string, patienceMs: number): Promise<HeldJournal | null> {
    const name = `${createHash('sha256').update(id).digest('hex').slice(0, 32)}.journal`;
    const opened = await this.open(name);
    if (opened === null) return new HeldJournal(null);
    const { file, folder } = opened;
    try {
      if (await this.lock(file, patienceMs)) {
        const held = new HeldJournal(file);
        for (const other of this.folders) if (other !== folder) await this.takeOver(join(other, name), held);
        return held;
      }
    } catch (error) {
      await file.close();
      throw error;
    }
    await file.close();
    return null;
  }

  /** What was written in another folder, while this one could not be, comes here. */
  private async takeOver(path: string, held: HeldJournal): Promise<void> {
    const file = await openExisting(path);
    if (file === null) return;
    await using left = new HeldJournal(file);
    try {
      const entry = await left.entry();
      if (entry === null) return;
      const mine = await held.entry();
      if (mine === null || timeOf(mine) < timeOf(entry)) await held.write(entry);
      await left.clear();
    } catch (error) {
      // Read-only now: it is looked at again next time, and older than what the file has by then.
      this.logger.debug('a journal stays where it was', { reason: describeError(error) });
    }
  }

  private async lock(file: FileHandle, patienceMs: number): Promise<boolean> {
    try {
      return await lockFile(file, patienceMs);
    } catch (error) {
      // A network file system may know no locks; one process alone needs none.
      this.warn('no lock on the pool folder: let no second program refresh its accounts', error);
      return true;
    }
  }

  private async open(name: string): Promise<{ file: FileHandle; folder: string } | null> {
    let refused: unknown = null;
    for (const folder of this.folders) {
      try {
        return { file: await openWithRoom(folder, name), folder };
      } catch (error) {
        refused = error;
      }
    }
    this.warn('no disk takes a journal: a refresh that a crash cuts off would lose its tokens', refused);
    return null;
  }

  private warn(message: string, error: unknown): void {
    if (this.hasWarned) return;
    this.hasWarned = true;
    this.logger.warn(message, { reason: describeError(error) });
  }
}

function timeOf({ unsaved, asking }: JournalEntry): number {
  return Math.max(unsaved?.at ?? 0, asking?.at ?? 0);
}

/** To be written where that is allowed; null when there is none that could be read. */
async function openExisting(path: string): Promise<FileHandle | null> {
  for (const flags of ['r+', 'r']) {
    try {
      return await open(path, flags);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return null; // nearly always
    }
  }
  return null;
}

async function openWithRoom(folder: string, name: string): Promise<FileHandle> {
  const path = join(folder, name);
  let file: FileHandle;
  try {
    file = await open(path, 'r+');
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    file = await open(path, 'a+', OWNER_ONLY);
    await file.close();
    file = await open(path, 'r+');
    await syncFolder(folder);
  }
  try {
    const { size } = await file.stat();
    const missing = JOURNAL_BYTES - size;
    // Two processes may do this at the same time: they write the same nothing.
    if (missing > 0) {
      await file.write(Buffer.alloc(missing), 0, missing, size);
      await file.sync();
    }
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
