import type { FileHandle } from 'node:fs/promises';
import { limits } from '../config/limits.js';
import { PoolError } from '../runtime/pool-error.js';
import type { SharedFile } from './shared-file.js';
import { decoded, encoded, type JournalEntry } from './journal-entry.js';

const NO_BYTES = Buffer.alloc(0);
/** No disk takes the entry. */
export class JournalUnavailableError extends PoolError {
  readonly code = 'journal_unavailable';
}

/** An entry as it stands in one of the two places that a journal file has for it. */
interface Written {
  readonly place: 0 | 1;
  readonly sequence: number;
  readonly entry: JournalEntry;
}

/**
 * The journal of one account in our hands, alone. An entry goes into the place that the one before does not have, so
 * that one which a power cut tears in the middle leaves that behind.
 */
export class LockedJournal implements AsyncDisposable {
  /** Undefined: not read yet. */
  private newest: Written | null | undefined = undefined;
  private shared: SharedFile | null = null;
  private hasNoted = false;

  /** Without a file it keeps nothing. `onRelease` is called when it is let go. */
  constructor(
    private readonly file: FileHandle | null,
    private readonly onRelease: () => void = () => undefined,
  ) {}

  get isOnDisk(): boolean {
    return this.file !== null;
  }

  /** Whether there are tokens in it that their file may not have, as far as was read or written here. */
  get hasTokens(): boolean {
    return this.newest?.entry.unsaved != null;
  }

  /** Keeps the credential file in hand, too, as long as the journal; other programs learn there what is asked. */
  attach(shared: SharedFile): void {
    this.shared = shared;
  }

  /** What was left unfinished, here or by another program with the same credential file; null for nothing. */
  async entry(): Promise<JournalEntry | null> {
    const entry = await this.ownEntry();
    const noted = (await this.shared?.asking()) ?? null;
    if (noted === null || noted.at <= (entry?.asking?.at ?? -1)) return entry;
    return { unsaved: entry?.unsaved ?? null, asking: noted };
  }

  /** Puts an entry in the place of the one before; it is on disk when this resolves. */
  async write(entry: JournalEntry): Promise<void> {
    await this.writeOwn(entry);
    if (entry.asking !== null) {
      this.hasNoted = this.shared !== null;
      await this.shared?.note(entry.asking);
    } else if (entry.unsaved === null && this.hasNoted) {
      await this.shared?.note(null); // not before the file has the answer; a note of others is theirs
    }
  }

  private async ownEntry(): Promise<JournalEntry | null> {
    if (this.file === null) return null;
    const found = [await readPlace(this.file, 0), await readPlace(this.file, 1)].filter((it) => it !== null);
    this.newest = found.toSorted((a, b) => b.sequence - a.sequence)[0] ?? null;
    return this.newest?.entry ?? null;
  }

  private async writeOwn(entry: JournalEntry): Promise<void> {
    if (entry.unsaved === null && entry.asking === null) return await this.clear();
    const file = this.opened();
    if (this.newest === undefined) await this.ownEntry();
    const sequence = (this.newest?.sequence ?? 0) + 1;
    const place = this.newest?.place === 0 ? 1 : 0;
    const bytes = encoded(entry, sequence);
    if (bytes.length > limits.journalRoomBytes) throw new JournalUnavailableError('the tokens are too large');
    await overwrite(file, place, bytes);
    this.newest = { place, sequence, entry };
  }

  /** Nothing is unfinished any more; no token stays in the file. */
  async clear(): Promise<void> {
    const file = this.opened();
    if (this.newest === undefined) await this.ownEntry();
    const last = this.newest?.place ?? 0;
    // The older one first: it is not to be the newest for a moment.
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
    if (this.file === null) throw new JournalUnavailableError('no disk takes a journal');
    return this.file;
  }
}

/** The size of a journal file: room for an entry in each of its two places. */
export const JOURNAL_BYTES = 2 * limits.journalRoomBytes;

async function readPlace(file: FileHandle, place: 0 | 1): Promise<Written | null> {
  const bytes = Buffer.alloc(limits.journalRoomBytes);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, place * limits.journalRoomBytes);
  const found = decoded(bytes.subarray(0, bytesRead));
  return found && { place, ...found };
}

/** The whole place: nothing of an entry before may be left behind a shorter one. */
async function overwrite(file: FileHandle, place: 0 | 1, content: Buffer): Promise<void> {
  const bytes = Buffer.alloc(limits.journalRoomBytes);
  content.copy(bytes);
  const start = place * limits.journalRoomBytes;
  let written = 0;
  while (written < bytes.length) {
    written += (await file.write(bytes, written, bytes.length - written, start + written)).bytesWritten;
  }
  await file.sync();
}
