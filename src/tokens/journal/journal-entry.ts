import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Secret } from '../../runtime/secret.js';
import type { TokenGrant } from '../credential-file/credential.js';

const header = /^codex-pool-journal\/1 (\d{1,15}) (\d{1,7}) ([0-9a-f]{64})\n/;

const entrySchema = z.object({
  unsaved: z
    .object({
      accessToken: z.string().min(1).nullable(),
      refreshToken: z.string().min(1).nullable(),
      idToken: z.string().min(1).nullable(),
      at: z.number(),
      spent: z.array(z.string()),
      file: z.object({ id: z.string(), name: z.string(), text: z.string() }).nullish(),
    })
    .nullable(),
  // Entries without this field predate it and mean a first request.
  asking: z
    .object({ refreshToken: z.string(), at: z.number(), isAgain: z.boolean().default(false) })
    .nullable(),
});

/** A refresh token (its fingerprint) that was about to be sent. While recorded, it may or may not have been used. */
export interface PendingTokenRequest {
  readonly refreshToken: string;
  readonly at: number;
  /** The refresh was already in doubt. */
  readonly isAgain: boolean;
}

/** A credential file that is being written in place. `id`: the account's identity. */
export interface FileInPlace {
  readonly id: string;
  readonly name: string;
  readonly text: Secret;
}

/** An unfinished refresh. Times are epoch ms; `refreshToken` and `spent` are fingerprints. */
export interface JournalEntry {
  /** Issued tokens that may not be in the file yet. `spent`: the refresh tokens that they replace. */
  readonly unsaved: {
    readonly grant: TokenGrant;
    readonly at: number;
    readonly spent: readonly string[];
    /** Set while the file is written in place, which a crash may leave half done. */
    readonly file?: FileInPlace | null;
  } | null;
  readonly asking: PendingTokenRequest | null;
}

/** Encodes an entry: a line with sequence, length and checksum, then JSON. The newer entry has the higher sequence. */
export function encoded({ unsaved, asking }: JournalEntry, sequence: number): Buffer {
  const text = JSON.stringify({
    asking,
    unsaved: unsaved && {
      accessToken: unsaved.grant.accessToken?.reveal() ?? null,
      refreshToken: unsaved.grant.refreshToken?.reveal() ?? null,
      idToken: unsaved.grant.idToken?.reveal() ?? null,
      at: unsaved.at,
      spent: unsaved.spent,
      ...(unsaved.file == null ? {} : { file: { ...unsaved.file, text: unsaved.file.text.reveal() } }),
    },
  });
  const body = Buffer.from(text);
  return Buffer.concat([
    Buffer.from(`codex-pool-journal/1 ${sequence} ${body.length} ${digest(body)}\n`),
    body,
  ]);
}

/** Decodes an entry; null when it is missing or torn. */
export function decoded(bytes: Buffer): { sequence: number; entry: JournalEntry } | null {
  const found = header.exec(bytes.toString('latin1', 0, 160));
  if (found === null) return null;
  const [line, sequence, length, sum] = found;
  const body = bytes.subarray(line.length, line.length + Number(length));
  if (digest(body) !== sum) return null;
  const { unsaved, asking } = entrySchema.parse(JSON.parse(body.toString('utf8')));
  const written = (entry: JournalEntry) => ({ sequence: Number(sequence), entry });
  if (unsaved === null) return written({ unsaved, asking });
  const grant: TokenGrant = {
    accessToken: unsaved.accessToken === null ? null : new Secret(unsaved.accessToken),
    refreshToken: unsaved.refreshToken === null ? null : new Secret(unsaved.refreshToken),
    idToken: unsaved.idToken === null ? null : new Secret(unsaved.idToken),
  };
  const { at, spent } = unsaved;
  const file = unsaved.file == null ? null : { ...unsaved.file, text: new Secret(unsaved.file.text) };
  return written({ unsaved: { grant, at, spent, file }, asking });
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
