import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import { limits } from '../limits.js';
import { PoolError } from '../pool-error.js';
import { Secret } from '../secret.js';
import type { TokenGrant } from './token-refresh-client.js';

const NO_BYTES = Buffer.alloc(0);
const header = /^codex-pool-journal\/1 (\d{1,15}) (\d{1,7}) ([0-9a-f]{64})\n/;

const entrySchema = z.object({
  unsaved: z
    .object({
      accessToken: z.string().min(1).nullable(),
      refreshToken: z.string().min(1).nullable(),
      idToken: z.string().min(1).nullable(),
      at: z.number(),
      spent: z.array(z.string()),
    })
    .nullable(),
  // Entries of before this field was there are of a first question.
  asking: z
    .object({ refreshToken: z.string(), at: z.number(), isAgain: z.boolean().default(false) })
    .nullable(),
});

/** A refresh token that was about to be sent: while this stands, it is not known whether it was used. */
export interface Asking {
  readonly refreshToken: string;
  readonly at: number;
  /** It was in doubt already. */
  readonly isAgain: boolean;
}

/** What is unfinished. Times are epoch ms; refresh tokens that are only named are told by their fingerprints. */
export interface JournalEntry {
  /** Tokens that were answered, and are not known to be in the file. `spent`: those that they make useless. */
  readonly unsaved: {
    readonly grant: TokenGrant;
    readonly at: number;
    readonly spent: readonly string[];
  } | null;
  readonly asking: Asking | null;
}

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
export class HeldJournal implements AsyncDisposable {
  /** Undefined: not read yet. */
  private newest: Written | null | undefined = undefined;

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

  /** What was left unfinished; null for nothing. */
  async entry(): Promise<JournalEntry | null> {
    if (this.file === null) return null;
    const found = [await readPlace(this.file, 0), await readPlace(this.file, 1)].filter((it) => it !== null);
    this.newest = found.toSorted((a, b) => b.sequence - a.sequence)[0] ?? null;
    return this.newest?.entry ?? null;
  }

  /** Puts an entry in the place of the one before; it is on disk when this resolves. */
  async write(entry: JournalEntry): Promise<void> {
    if (entry.unsaved === null && entry.asking === null) return await this.clear();
    const file = this.opened();
    if (this.newest === undefined) await this.entry();
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
    if (this.newest === undefined) await this.entry();
    const last = this.newest?.place ?? 0;
    // The older one first: it is not to be the newest for a moment.
    await overwrite(file, last === 0 ? 1 : 0, NO_BYTES);
    await overwrite(file, last, NO_BYTES);
    this.newest = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
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
  return decoded(bytes.subarray(0, bytesRead), place);
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

function encoded({ unsaved, asking }: JournalEntry, sequence: number): Buffer {
  const text = JSON.stringify({
    asking,
    unsaved: unsaved && {
      accessToken: unsaved.grant.accessToken?.reveal() ?? null,
      refreshToken: unsaved.grant.refreshToken?.reveal() ?? null,
      idToken: unsaved.grant.idToken?.reveal() ?? null,
      at: unsaved.at,
      spent: unsaved.spent,
    },
  });
  const body = Buffer.from(text);
  return Buffer.concat([
    Buffer.from(`codex-pool-journal/1 ${sequence} ${body.length} ${digest(body)}\n`),
    body,
  ]);
}

/** Null for none, and for one that was cut while it was written. */
function decoded(bytes: Buffer, place: 0 | 1): Written | null {
  const found = header.exec(bytes.toString('latin1', 0, 160));
  if (found === null) return null;
  const [line, sequence, length, sum] = found;
  const body = bytes.subarray(line.length, line.length + Number(length));
  if (digest(body) !== sum) return null;
  const { unsaved, asking } = entrySchema.parse(JSON.parse(body.toString('utf8')));
  const written = (entry: JournalEntry): Written => ({ place, sequence: Number(sequence), entry });
  if (unsaved === null) return written({ unsaved, asking });
  const grant: TokenGrant = {
    accessToken: unsaved.accessToken === null ? null : new Secret(unsaved.accessToken),
    refreshToken: unsaved.refreshToken === null ? null : new Secret(unsaved.refreshToken),
    idToken: unsaved.idToken === null ? null : new Secret(unsaved.idToken),
  };
  return written({ unsaved: { grant, at: unsaved.at, spent: unsaved.spent }, asking });
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
