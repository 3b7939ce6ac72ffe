import { WebSocket } from 'ws';
import { limits } from '../../config/limits.js';

/** Sends a frame on; a reader that does not keep up pauses the side that the frames come from. */
export function relayMessage(
  from: WebSocket,
  to: WebSocket,
  frame: Buffer,
  how: { readonly isBinary: boolean; readonly isCompressed: boolean },
): void {
  if (to.readyState !== WebSocket.OPEN) return;
  to.send(frame, { binary: how.isBinary, compress: how.isCompressed }, () => {
    if (from.isPaused && to.bufferedAmount < limits.socketBacklogBytes) from.resume();
  });
  if (to.bufferedAmount >= limits.socketBacklogBytes) from.pause();
}

/**
 * Closes a socket, in good order where the other side answers, and anyhow within a second; a slow reader gets what
 * waits for it as long as it reads on.
 */
export function closeSocket(socket: WebSocket, code: number | null, reason: Buffer | string): void {
  if (socket.readyState === WebSocket.CLOSED) return;
  if (code === null) return socket.terminate();
  if (socket.isPaused) socket.resume(); // else its own closing frame is never read
  let waiting = Infinity;
  const timer = setInterval(() => {
    if (socket.bufferedAmount === 0 || socket.bufferedAmount >= waiting) socket.terminate();
    waiting = socket.bufferedAmount;
  }, limits.socketCloseMs);
  socket.once('close', () => clearInterval(timer));
  socket.close(code, reason);
}
