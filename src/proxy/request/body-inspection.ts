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
import { type BodyFacts, factsInBody } from './body-facts.js';
import { concatChunks } from './concat-chunks.js';
import { BudgetClaim, type ReplayBudget } from './replay-budget.js';

const decoders: Readonly<
  Record<string, (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>
> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
};

/** Larger than the default of 16 KiB, with which most of the time is spent between chunks. */
const options = { chunkSize: 256 * 1_024 };
const decoding: Readonly<Record<string, () => NodeJS.ReadWriteStream & AsyncIterable<unknown>>> = {
  gzip: () => createGunzip(options),
  'x-gzip': () => createGunzip(options),
  deflate: () => createInflate(options),
  br: () => createBrotliDecompress(options),
  zstd: () => createZstdDecompress(options),
};

/** Reads the facts in a body. Null if it cannot be inflated within its bound and the budget of the process. */
export async function factsOf(
  body: Buffer,
  contentEncoding: string | undefined,
  budget: ReplayBudget,
): Promise<BodyFacts | null> {
  return inspectBody(body, contentEncoding, budget, factsInBody);
}

/**
 * Calls `read` with a request's body without its content encoding. The inflated copy counts in the budget of the
 * process and is released after the call, so `read` must keep nothing of it. Returns null without calling `read` if
 * the body cannot be inflated within its bound and the budget: only upstream judges what the client sends.
 */
export async function inspectBody<T>(
  body: Buffer,
  contentEncoding: string | undefined,
  budget: ReplayBudget,
  read: (plain: Buffer) => T | Promise<T>,
): Promise<T | null> {
  const encoding = encodingOf(contentEncoding);
  if (encoding === null) return await read(body);
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
  return await read(concatChunks(pieces));
}

/**
 * Returns a body without its content encoding. Rejects if the encoding is unknown, the body is damaged, or the result
 * exceeds `limits.inflatedBodyBytes`.
 */
export async function inflated(body: Buffer, contentEncoding: string | undefined): Promise<Buffer> {
  const encoding = encodingOf(contentEncoding);
  if (encoding === null) return body;
  const decode = decoders[encoding];
  if (decode === undefined) throw new Error(`unknown content encoding ${encoding}`);
  return decode(body, { maxOutputLength: limits.inflatedBodyBytes });
}

/** Null if the bytes are plain. */
function encodingOf(contentEncoding: string | undefined): string | null {
  const encoding = contentEncoding?.trim().toLowerCase() ?? '';
  return encoding === '' || encoding === 'identity' ? null : encoding;
}
