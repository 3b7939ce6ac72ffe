import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { z } from 'zod';
import { limits } from '../limits.js';
import { PoolError } from '../pool-error.js';
import { Secret } from '../secret.js';
import type { TokenGrant } from './token-refresh-client.js';

const NO_BYTES = Buffer.alloc(0);
const header = /^codex-pool-journal\/1 (\d{1,7}) ([0-9a-f]{64})\n/;

const entrySchema = z.object({
  unsaved: z
    .object({
      accessToken: z.string().min(1),
      refreshToken: z.string().min(1).nullable(),
      idToken: z.string().min(1).nullable(),
      at: z.number(),
      spent: z.array(z.string()),
    })
    .nullable(),
  asking: z.object({ refreshToken: z.string(), at: z.number() }).nullable(),
});

/** What is unfinished. Times are epoch ms; refresh tokens that are only named are told by their fingerprints. */
export interface JournalEntry {
  /** Tokens that were answered, and are not known to be in the file. `spent`: those that they make useless. */
  readonly unsaved: {
    readonly grant: TokenGrant;
    readonly at: number;
    readonly spent: readonly string[];
  } | null;
  /** The refresh token that was about to be sent: while this stands, nobody knows whether it was used. */
  readonly asking: { readonly refreshToken: string; readonly at: number } | null;
}

/** No disk takes the entry. */
export class JournalUnavailableError extends PoolError {
  readonly code = 'journal_unavailable';
}

/** The journal of one account in our hands, alone. */
export class HeldJournal implements AsyncDisposable {
  private isKeepingTokens = false;

  /** Without a file it keeps nothing. */
  constructor(private readonly file: FileHandle | null) {}

  get isOnDisk(): boolean {
    return this.file !== null;
  }

  /** Whether there are tokens in it that their file may not have, as far as was read or written here. */
  get hasTokens(): boolean {
    return this.isKeepingTokens;
  }

  /** What was left unfinished; null for nothing, and for what was cut while it was written. */
  async entry(): Promise<JournalEntry | null> {
    if (this.file === null) return null;
    const { size } = await this.file.stat();
    const bytes = Buffer.alloc(Math.min(size, limits.credentialFileBytes));
    const { bytesRead } = await this.file.read(bytes, 0, bytes.length, 0);
    const entry = decoded(bytes.subarray(0, bytesRead));
    this.isKeepingTokens = entry !== null && entry.unsaved !== null;
    return entry;
  }

  /** Writes an entry in the place of the one before; it is on disk when this resolves. */
  async write(entry: JournalEntry): Promise<void> {
    if (entry.unsaved === null && entry.asking === null) return await this.clear();
    await this.overwrite(encoded(entry));
    this.isKeepingTokens = entry.unsaved !== null;
  }

  /** Nothing is unfinished any more; no token stays in the file. */
  async clear(): Promise<void> {
    await this.overwrite(NO_BYTES);
    this.isKeepingTokens = false;
    const { file } = this;
    if (file !== null && (await file.stat()).size > limits.journalRoomBytes)
      await file.truncate(limits.journalRoomBytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.file?.close();
  }

  private async overwrite(content: Buffer): Promise<void> {
    if (this.file === null) throw new JournalUnavailableError('no disk takes a journal');
    const { size } = await this.file.stat();
    // To the end of the file: nothing of the entry before may be left behind a shorter one.
    const bytes = Buffer.alloc(Math.max(size, content.length));
    content.copy(bytes);
    let written = 0;
    while (written < bytes.length) {
      written += (await this.file.write(bytes, written, bytes.length - written, written)).bytesWritten;
    }
    await this.file.sync();
  }
}

function encoded({ unsaved, asking }: JournalEntry): Buffer {
  const text = JSON.stringify({
    asking,
    unsaved: unsaved && {
      accessToken: unsaved.grant.accessToken.reveal(),
      refreshToken: unsaved.grant.refreshToken?.reveal() ?? null,
      idToken: unsaved.grant.idToken?.reveal() ?? null,
      at: unsaved.at,
      spent: unsaved.spent,
    },
  });
  const body = Buffer.from(text);
  return Buffer.concat([Buffer.from(`codex-pool-journal/1 ${body.length} ${digest(body)}\n`), body]);
}

function decoded(bytes: Buffer): JournalEntry | null {
  const found = header.exec(bytes.toString('latin1', 0, 128));
  if (found === null) return null;
  const [line, length, sum] = found;
  const body = bytes.subarray(line.length, line.length + Number(length));
  if (digest(body) !== sum) return null;
  const { unsaved, asking } = entrySchema.parse(JSON.parse(body.toString('utf8')));
  if (unsaved === null) return { unsaved, asking };
  const grant: TokenGrant = {
    accessToken: new Secret(unsaved.accessToken),
    refreshToken: unsaved.refreshToken === null ? null : new Secret(unsaved.refreshToken),
    idToken: unsaved.idToken === null ? null : new Secret(unsaved.idToken),
  };
  return { unsaved: { grant, at: unsaved.at, spent: unsaved.spent }, asking };
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
