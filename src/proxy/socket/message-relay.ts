import { WebSocket } from 'ws';
import { limits } from '../../config/limits.js';
import { NO_CODE } from './close-code.js';

/** Forwards a message; a slow reader pauses the sending side. */
export function relayMessage(
  from: WebSocket,
  to: WebSocket,
  message: Buffer,
  how: { readonly isBinary: boolean; readonly isCompressed: boolean },
): void {
  if (to.readyState !== WebSocket.OPEN) return;
  to.send(message, { binary: how.isBinary, compress: how.isCompressed }, () => {
    if (from.isPaused && to.bufferedAmount < limits.socketBacklogBytes) from.resume();
  });
  if (to.bufferedAmount >= limits.socketBacklogBytes) from.pause();
}

/**
 * Closes a socket with a handshake, and forcibly after a second. A slow reader still gets queued messages while it
 * keeps reading. `code` null: without a handshake; `NO_CODE`: with a close frame that has no code.
 */
export function closeSocket(socket: WebSocket, code: number | null, reason: Buffer | string): void {
  if (socket.readyState === WebSocket.CLOSED) return;
  if (code === null) return socket.terminate();
  if (socket.isPaused) socket.resume(); // otherwise its close frame is never read
  let waiting = Infinity;
  const timer = setInterval(() => {
    if (socket.bufferedAmount === 0 || socket.bufferedAmount >= waiting) socket.terminate();
    waiting = socket.bufferedAmount;
  }, limits.socketCloseMs);
  socket.once('close', () => clearInterval(timer));
  if (code === NO_CODE) socket.close();
  else socket.close(code, reason);
}
