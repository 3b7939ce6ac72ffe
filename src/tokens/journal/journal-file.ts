import type { FileHandle } from 'node:fs/promises';
import { limits } from '../../config/limits.js';
import { PoolError } from '../../runtime/pool-error.js';
import type { SharedFile } from './shared-file.js';
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

/**
 * The journal of one account, locked for this process. Entries alternate between two slots, so that an entry torn by a
 * power cut leaves the previous one intact.
 */
export class LockedJournal implements AsyncDisposable {
  /** The newest entry; undefined before the first read. */
  private newest: Written | null | undefined = undefined;
  private shared: SharedFile | null = null;
  private hasNoted = false;

  /** `file` null: stores nothing. `onRelease` is called when the lock is released. */
  constructor(
    private readonly file: FileHandle | null,
    private readonly onRelease: () => void = () => undefined,
  ) {}

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
    await this.writeOwn(entry);
    if (entry.asking !== null) {
      this.hasNoted = this.shared !== null;
      await this.shared?.note(entry.asking);
    } else if (entry.unsaved === null && this.hasNoted) {
      await this.shared?.note(null); // only after the file has the tokens; other programs remove their own notes
    }
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
    try {
      await this.shared?.[Symbol.asyncDispose]();
      await this.file?.close();
    } finally {
      this.onRelease();
    }
  }

  private opened(): FileHandle {
    if (this.file === null) throw new JournalUnavailableError('no disk accepts a journal');
    return this.file;
  }
}

/** Size of a journal file: two slots of one entry each. */
export const JOURNAL_BYTES = 2 * limits.journalRoomBytes;

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
