import {
  brotliDecompress,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createZstdDecompress,
  gunzip,
  inflate,
  zstdDecompress,
} from 'node:zlib';
import { promisify } from 'node:util';
import { limits } from '../../config/limits.js';
import { BudgetClaim, type ReplayBudget } from './replay-budget.js';
import { joined } from './joined.js';

const decoders: Readonly<
  Record<string, (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>
> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
};

/** In pieces as small as the default, most of the time would go into the way from piece to piece. */
const options = { chunkSize: 256 * 1_024 };
const decoding: Readonly<Record<string, () => NodeJS.ReadWriteStream & AsyncIterable<unknown>>> = {
  gzip: () => createGunzip(options),
  'x-gzip': () => createGunzip(options),
  deflate: () => createInflate(options),
  br: () => createBrotliDecompress(options),
  zstd: () => createZstdDecompress(options),
};

/**
 * Takes a look at a request's body without its content encoding. An inflated copy is made on the side, counts
 * in the budget of the process, and is let go of after the look: `read` must keep nothing of it. Null, and
 * nothing is read, when the body cannot be inflated, or not within its bound and the budget: what the client
 * sends is judged by upstream, never by us.
 */
export async function lookInto<T>(
  body: Buffer,
  contentEncoding: string | undefined,
  budget: ReplayBudget,
  read: (plain: Buffer) => T,
): Promise<T | null> {
  const encoding = encodingOf(contentEncoding);
  if (encoding === null) return read(body);
  const decode = decoding[encoding];
  if (decode === undefined) return null;
  using room = new BudgetClaim(budget);
  const pieces: Buffer[] = [];
  try {
    const stream = decode();
    stream.end(body);
    for await (const piece of stream) {
      if (!Buffer.isBuffer(piece) || !room.more(piece.length)) return null;
      if (room.bytes > limits.inflatedBodyBytes) return null;
      pieces.push(piece);
    }
  } catch {
    return null; // damaged
  }
  return read(joined(pieces));
}

/** The JSON of a plain body; null when it is none. */
export function jsonIn(plain: Buffer): unknown {
  try {
    return JSON.parse(plain.toString('utf8'));
  } catch {
    return null;
  }
}

/** A body without its content encoding. Rejects on an unknown encoding, damage, or more than the bound. */
export async function inflated(body: Buffer, contentEncoding: string | undefined): Promise<Buffer> {
  const encoding = encodingOf(contentEncoding);
  if (encoding === null) return body;
  const decode = decoders[encoding];
  if (decode === undefined) throw new Error(`unknown content encoding ${encoding}`);
  return decode(body, { maxOutputLength: limits.inflatedBodyBytes });
}

/** Null where the bytes are plain. */
function encodingOf(contentEncoding: string | undefined): string | null {
  const encoding = contentEncoding?.trim().toLowerCase() ?? '';
  return encoding === '' || encoding === 'identity' ? null : encoding;
}
