import type { IncomingMessage } from 'node:http';

/** Reads a response completely. Null if it breaks off or exceeds the bound (then it is stopped). */
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
    return null; // cut off, or stopped at its deadline
  }
}
