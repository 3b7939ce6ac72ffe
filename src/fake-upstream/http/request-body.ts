import type { IncomingMessage } from 'node:http';
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';

const MAX_INFLATED_BYTES = 64 * 1_024 * 1_024;
const MAX_PARSED_BYTES = 4 * 1_024 * 1_024;
const PREFIX_BYTES = 64 * 1_024;

/** Reads a request body; `isWhole` is false if the client disconnected before its end. */
export async function readBody(req: IncomingMessage): Promise<{ body: Buffer; isWhole: boolean }> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of req) chunks.push(Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk)));
    return { body: Buffer.concat(chunks), isWhole: req.complete };
  } catch {
    return { body: Buffer.concat(chunks), isWhole: false };
  }
}

/** The decompressed body; null if it cannot be decompressed. */
export function inflated(body: Buffer, contentEncoding: string | undefined): Buffer | null {
  const limit = { maxOutputLength: MAX_INFLATED_BYTES };
  try {
    switch (contentEncoding?.trim().toLowerCase() ?? 'identity') {
      case 'identity':
        return body;
      case 'zstd':
        return zstdDecompressSync(body, limit);
      case 'gzip':
        return gunzipSync(body, limit);
      case 'br':
        return brotliDecompressSync(body, limit);
      case 'deflate':
        return inflateSync(body, limit);
      default:
        return null;
    }
  } catch {
    return null;
  }
}

/** The model that a turn names, or null. An unreadable body is not an error here. */
export function modelIn(body: Buffer, contentEncoding: string | undefined): string | null {
  const text = inflated(body, contentEncoding);
  if (text === null) return null;
  if (text.length > MAX_PARSED_BYTES) {
    return /"model"\s*:\s*"([^"\\]+)"/.exec(text.subarray(0, PREFIX_BYTES).toString('utf8'))?.[1] ?? null;
  }
  try {
    const parsed: unknown = JSON.parse(text.toString('utf8'));
    const hasModel = typeof parsed === 'object' && parsed !== null && 'model' in parsed;
    return hasModel && typeof parsed.model === 'string' ? parsed.model : null;
  } catch {
    return null;
  }
}

/** The JSON object in a body; an empty object if none. */
export function jsonIn(body: Buffer): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}
