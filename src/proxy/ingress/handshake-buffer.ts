import type { Socket } from 'node:net';
import { limits } from '../../config/limits.js';

/**
 * Reads a connection that has no reader yet, so that its end is noticed: then the socket is destroyed. Returns a
 * function that stops reading and returns the bytes read so far, beginning with `head`.
 */
export function bufferHandshake(socket: Socket, head: Buffer): () => Buffer {
  const pieces = [head];
  let bytes = head.length;
  const onData = (piece: Buffer) => {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > limits.socketBacklogBytes) socket.destroy(); // no client sends this much before the response
  };
  const onEnd = () => socket.destroy();
  socket.on('data', onData).once('end', onEnd);
  return () => {
    socket.off('data', onData).off('end', onEnd);
    return Buffer.concat(pieces);
  };
}
