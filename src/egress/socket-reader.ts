import type { Socket } from 'node:net';

/** The other side closed the connection before it sent what was expected. */
export class ClosedEarlyError extends Error {}

/** Reads exactly `size` bytes. Later bytes stay in the socket. Rejects when the connection ends before. */
export async function readBytes(socket: Socket, size: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let missing = size;
  while (missing > 0) {
    // Takes what there is: with bytes left in the buffer, the next listener for `readable` would be called at once.
    const chunk: Buffer | null = socket.read(Math.min(missing, Math.max(1, socket.readableLength)));
    if (chunk === null) await readable(socket);
    else {
      chunks.push(chunk);
      missing -= chunk.length;
    }
  }
  return Buffer.concat(chunks);
}

/** Resolves when there is something to read. */
async function readable(socket: Socket): Promise<void> {
  if (socket.errored !== null) throw socket.errored;
  if (socket.destroyed || socket.readableEnded) throw new ClosedEarlyError('closed');
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const closed = () => reject(new ClosedEarlyError('closed'));
  socket.on('readable', resolve).on('end', closed).on('close', closed).on('error', reject);
  try {
    await promise;
  } finally {
    socket.off('readable', resolve).off('end', closed).off('close', closed).off('error', reject);
  }
}
