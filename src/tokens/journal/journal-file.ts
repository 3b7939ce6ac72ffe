import type { FileHandle } from 'node:fs/promises';
import { limits } from '../../config/limits.js';
import { PoolError } from '../../runtime/pool-error.js';
import type { SharedFile } from './shared-file.js';
import { isStillAt } from './journal-place.js';
import { decoded, encoded, type JournalEntry } from './journal-entry.js';

const NO_BYTES = Buffer.alloc(0);
/** The entry cannot be written to any disk. */
export class JournalUnavailableError extends PoolError {
  readonly code = 'journal_unavailable';
}

/** An entry in one of the two slots of a journal file. */
interface Written {
  readonly slot: 0 | 1;
  readonly sequence: number;
  readonly entry: JournalEntry;
}

/** Where a locked journal file is. `relock` opens or creates that file and locks it; null if another process holds it. */
export interface JournalPlace {
  readonly path: string;
  readonly relock: () => Promise<FileHandle | null>;
}

/**
 * The journal of one account, locked for this process. Entries alternate between two slots, so that an entry torn by a
 * power cut leaves the previous one intact.
 */
export class LockedJournal implements AsyncDisposable {
  /** The newest entry; undefined before the first read. */
  private newest: Written | null | undefined = undefined;
  private shared: SharedFile | null = null;
  private hasNoted = false;
  /** Locked files that were deleted. They stay locked. */
  private readonly deleted: FileHandle[] = [];
  private readonly watch: NodeJS.Timeout | null;
  private last: Promise<unknown> = Promise.resolve();

  /** `file` null: stores nothing. `onRelease` is called when the lock is released. `place`: where the file is. */
  constructor(
    private file: FileHandle | null,
    private readonly onRelease: () => void = () => undefined,
    private readonly place: JournalPlace | null = null,
  ) {
    this.watch =
      place === null
        ? null
        : setInterval(() => void this.inTurn(() => this.follow()), limits.lockWatchMs).unref();
  }

  get isOnDisk(): boolean {
    return this.file !== null;
  }

  /** Whether the entry last read or written here holds tokens that their file may not have. */
  get hasTokens(): boolean {
    return this.newest?.entry.unsaved != null;
  }

  /** Adds the credential file's lock. It also shows other programs which refresh token is being sent. */
  attach(shared: SharedFile): void {
    this.shared = shared;
  }

  /** Returns what this or another program with the same credential file left unfinished; null if nothing. */
  async entry(): Promise<JournalEntry | null> {
    const entry = await this.ownEntry();
    const noted = (await this.shared?.asking()) ?? null;
    if (noted === null || noted.at <= (entry?.asking?.at ?? -1)) return entry;
    return { unsaved: entry?.unsaved ?? null, asking: noted };
  }

  /** Replaces the entry. It is on disk when this resolves. */
  async write(entry: JournalEntry): Promise<void> {
    await this.inTurn(async () => {
      await this.follow();
      await this.writeOwn(entry);
    });
    if (entry.asking !== null) {
      this.hasNoted = this.shared !== null;
      await this.shared?.note(entry.asking);
    } else if (entry.unsaved === null && this.hasNoted) {
      await this.shared?.note(null); // only after the file has the tokens; other programs remove their own notes
    }
  }

  /** If the file was deleted, locks a new one at its place, and writes the entry there. A failure leaves it as it is. */
  private async follow(): Promise<void> {
    if (this.file === null || this.place === null) return;
    try {
      if (await isStillAt(this.place.path, this.file)) return;
      if (this.newest === undefined) await this.ownEntry();
      const entry = this.newest?.entry ?? null;
      const file = await this.place.relock();
      if (file === null) return; // another process was faster; the credential file's lock excludes it
      this.deleted.push(this.file);
      this.file = file;
      this.newest = null;
      if (entry !== null) await this.writeOwn(entry);
    } catch {
      // The folder cannot be written now. The next check tries again.
    }
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const next = this.last.then(work);
    this.last = next.catch(() => undefined);
    return next;
  }

  private async ownEntry(): Promise<JournalEntry | null> {
    if (this.file === null) return null;
    const found = [await readSlot(this.file, 0), await readSlot(this.file, 1)].filter((it) => it !== null);
    this.newest = found.toSorted((a, b) => b.sequence - a.sequence)[0] ?? null;
    return this.newest?.entry ?? null;
  }

  private async writeOwn(entry: JournalEntry): Promise<void> {
    if (entry.unsaved === null && entry.asking === null) return await this.clear();
    const file = this.opened();
    if (this.newest === undefined) await this.ownEntry();
    const sequence = (this.newest?.sequence ?? 0) + 1;
    const slot = this.newest?.slot === 0 ? 1 : 0;
    const bytes = encoded(entry, sequence);
    if (bytes.length > limits.journalRoomBytes) throw new JournalUnavailableError('the tokens are too large');
    await overwrite(file, slot, bytes);
    this.newest = { slot, sequence, entry };
  }

  /** Erases the journal, including all tokens in it. */
  async clear(): Promise<void> {
    const file = this.opened();
    if (this.newest === undefined) await this.ownEntry();
    const last = this.newest?.slot ?? 0;
    // Erase the older entry first, so that it never becomes the newest.
    await overwrite(file, last === 0 ? 1 : 0, NO_BYTES);
    await overwrite(file, last, NO_BYTES);
    this.newest = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.watch ?? undefined);
    await this.last;
    try {
      await this.shared?.[Symbol.asyncDispose]();
      for (const file of [...this.deleted, this.file]) await file?.close();
    } finally {
      this.onRelease();
    }
  }

  private opened(): FileHandle {
    if (this.file === null) throw new JournalUnavailableError('no disk accepts a journal');
    return this.file;
  }
}

async function readSlot(file: FileHandle, slot: 0 | 1): Promise<Written | null> {
  const bytes = Buffer.alloc(limits.journalRoomBytes);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, slot * limits.journalRoomBytes);
  const found = decoded(bytes.subarray(0, bytesRead));
  return found && { slot, ...found };
}

/** Overwrites a whole slot, so that nothing of an earlier entry remains behind a shorter one. */
async function overwrite(file: FileHandle, slot: 0 | 1, content: Buffer): Promise<void> {
  const bytes = Buffer.alloc(limits.journalRoomBytes);
  content.copy(bytes);
  const start = slot * limits.journalRoomBytes;
  let written = 0;
  while (written < bytes.length) {
    written += (await file.write(bytes, written, bytes.length - written, start + written)).bytesWritten;
  }
  await file.sync();
}
