import type { Socket } from 'node:net';
import { limits } from '../../config/limits.js';

/**
 * Reads a connection on which nobody listens yet, only so that its end is seen: then it is destroyed. The function
 * returned ends this, and gives what has come meanwhile.
 */
export function bufferHandshake(socket: Socket, head: Buffer): () => Buffer {
  const come = [head];
  let bytes = head.length;
  const onData = (piece: Buffer) => {
    come.push(piece);
    bytes += piece.length;
    if (bytes > limits.socketBacklogBytes) socket.destroy(); // no client sends so much before it has its answer
  };
  const onEnd = () => socket.destroy();
  socket.on('data', onData).once('end', onEnd);
  return () => {
    socket.off('data', onData).off('end', onEnd);
    return Buffer.concat(come);
  };
}
