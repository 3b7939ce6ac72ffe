import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { APP_CONFIG, type AppConfig } from '../config/app.config.js';
import { describeError, errorCode } from '../runtime/pool-error.js';
import { syncFolder } from '../runtime/atomic-file.js';
import { LOCK_RETRY_MS, lockFile } from '../runtime/file-lock.js';
import { SharedFile } from './shared-file.js';
import { LockedJournal, JOURNAL_BYTES } from './journal-file.js';
import type { JournalEntry } from './journal-entry.js';

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
  private readonly inHand = new Set<string>();
  private readonly warned = new Set<string>();

  constructor(@Inject(APP_CONFIG) private readonly config: AppConfig) {
    this.folders = [join(config.poolDir, FOLDER), join(dirname(config.dbPath), FOLDER)];
  }

  /**
   * Takes hold of an account's journal, by the account's identity; nobody else refreshes it until it is let go. Waits
   * up to so many ms; null when another process has it still. Where no disk has room for it the hold keeps nothing
   * (`isOnDisk`). `name`: its credential file, which another pool folder may link; it is held, too, after the journal.
   */
  async lock(id: string, patienceMs: number, name: string | null = null): Promise<LockedJournal | null> {
    const until = performance.now() + patienceMs;
    // Within this process it must not depend on a file whether two are kept apart.
    while (this.inHand.has(id)) {
      if (performance.now() >= until) return null;
      await pause(LOCK_RETRY_MS);
    }
    this.inHand.add(id);
    const release = () => void this.inHand.delete(id);
    try {
      const held = await this.holdFile(id, Math.max(0, until - performance.now()), release);
      if (held === null) release();
      if (held === null || name === null) return held;
      const shared = await this.holdShared(name, Math.max(0, until - performance.now()));
      if (shared === 'busy') {
        await held[Symbol.asyncDispose]();
        return null;
      }
      if (shared !== null) held.attach(shared);
      return held;
    } catch (error) {
      release();
      throw error;
    }
  }

  private async holdFile(id: string, patienceMs: number, release: () => void): Promise<LockedJournal | null> {
    const name = `${createHash('sha256').update(id).digest('hex').slice(0, 32)}.journal`;
    let refused: unknown = null;
    for (const folder of this.folders) {
      let file: FileHandle | null = null;
      try {
        file = await openOrMake(folder, name);
        if (!(await this.lockPath(file, join(folder, name), patienceMs))) {
          await file.close();
          return null;
        }
        await takeRoom(file);
      } catch (error) {
        await file?.close();
        refused = error;
        continue;
      }
      const held = new LockedJournal(file, release);
      for (const other of this.folders) if (other !== folder) await this.takeOver(join(other, name), held);
      return held;
    }
    this.warn('no disk takes a journal: a refresh that a crash cuts off would lose its tokens', refused);
    return new LockedJournal(null, release);
  }

  private async holdShared(name: string, patienceMs: number): Promise<SharedFile | 'busy' | null> {
    try {
      return await SharedFile.lock(
        join(this.config.poolDir, `${name}.json`),
        this.config.runtimeFolders,
        patienceMs,
      );
    } catch (error) {
      this.warn('no lock for credential files: link none of them into a second pool folder', error);
      return null;
    }
  }

  /** What was written in another folder, while this one could not be, comes here. */
  private async takeOver(path: string, held: LockedJournal): Promise<void> {
    const file = await openExisting(path);
    if (file === null) return;
    await using left = new LockedJournal(file);
    try {
      // The same file under two names, or in the hands of a refresh elsewhere: then it is not to be touched.
      if (!(await this.lockPath(file, path, 0))) return;
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

  private async lockPath(file: FileHandle, path: string, patienceMs: number): Promise<boolean> {
    try {
      return await lockFile(file, patienceMs, path);
    } catch (error) {
      // A network file system may know no locks.
      this.warn('no lock on the pool folder: let no second program refresh its accounts', error);
      return true;
    }
  }

  private warn(message: string, error: unknown): void {
    if (this.warned.has(message)) return;
    this.warned.add(message);
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

async function openOrMake(folder: string, name: string): Promise<FileHandle> {
  const path = join(folder, name);
  try {
    return await open(path, 'r+');
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error;
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const made = await open(path, 'a+', OWNER_ONLY);
  await made.close();
  const file = await open(path, 'r+');
  try {
    await syncFolder(folder);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Under the lock: what another process has written meanwhile is not to be written over. */
async function takeRoom(file: FileHandle): Promise<void> {
  let { size } = await file.stat();
  if (size >= JOURNAL_BYTES) return;
  while (size < JOURNAL_BYTES) {
    size += (await file.write(Buffer.alloc(JOURNAL_BYTES - size), 0, JOURNAL_BYTES - size, size))
      .bytesWritten;
  }
  await file.sync();
}
