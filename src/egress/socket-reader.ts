import type { Socket } from 'node:net';

/** The other side closed the connection before it sent what was expected. */
export class ClosedEarlyError extends Error {}

/** Reads exactly `size` bytes. What follows them stays in the socket. Rejects when the connection ends before. */
export async function readBytes(socket: Socket, size: number): Promise<Buffer> {
  for (;;) {
    const bytes: Buffer | null = socket.read(size);
    if (bytes !== null && bytes.length === size) return bytes;
    await readable(socket);
  }
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
