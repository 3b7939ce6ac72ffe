import { WebSocket } from 'ws';
import { limits } from '../../limits.js';

/** Sends a frame on; a reader that does not keep up pauses the side that the frames come from. */
export function passFrame(
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

/** Closes a socket, in good order where the other side answers, and anyhow within a second. */
export function closeSocket(socket: WebSocket, code: number | null, reason: Buffer | string): void {
  if (socket.readyState === WebSocket.CLOSED) return;
  if (code === null) return socket.terminate();
  if (socket.isPaused) socket.resume(); // else its own closing frame is never read
  socket.close(code, reason);
  const timer = setTimeout(() => socket.terminate(), limits.socketCloseMs);
  socket.once('close', () => clearTimeout(timer));
}
