import type { IncomingMessage } from 'node:http';

/** Reads an answer to its end. Null when it breaks off, or is larger than the bound (then it is stopped). */
export async function readWhole(response: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response) {
      if (!Buffer.isBuffer(chunk)) return null;
      bytes += chunk.length;
      if (bytes > maxBytes) return null;
      chunks.push(chunk);
    }
    return response.complete ? Buffer.concat(chunks) : null;
  } catch {
    return null; // cut, or stopped at its deadline
  }
}
