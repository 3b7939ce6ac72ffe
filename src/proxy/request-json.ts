import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib';
import { promisify } from 'node:util';
import { limits } from '../limits.js';

const decoders: Readonly<
  Record<string, (body: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>>
> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
};

/**
 * The JSON of a body, inflated on the side within a bound. Null when it is none, or cannot be read: what
 * the client sends is judged by upstream, never by us.
 */
export async function readJson(body: Buffer, contentEncoding: string | undefined): Promise<unknown> {
  try {
    return JSON.parse((await inflated(body, contentEncoding)).toString('utf8'));
  } catch {
    return null;
  }
}

/** The body without its content encoding. Rejects on an unknown encoding, damage, or more than the bound. */
export async function inflated(body: Buffer, contentEncoding: string | undefined): Promise<Buffer> {
  const encoding = contentEncoding?.trim().toLowerCase() ?? '';
  if (encoding === '' || encoding === 'identity') return body;
  const decode = decoders[encoding];
  if (decode === undefined) throw new Error(`unknown content encoding ${encoding}`);
  return decode(body, { maxOutputLength: limits.inflatedBodyBytes });
}
