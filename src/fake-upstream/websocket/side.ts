import type { WebSocket } from 'ws';
import type { SocketScript } from '../script/socket-script.js';
import type { SocketConnection } from './connection.js';

/** Logs the messages of a WebSocket that carries no turns, and echoes them if the account's script says so. */
export function serveSide(
  ws: WebSocket,
  socket: SocketConnection,
  script: SocketScript,
  changed: () => void,
): void {
  ws.on('message', (bytes: Buffer, isBinary: boolean) => {
    socket.strays.push({ bytes, isBinary });
    changed();
    if (script.echoes) void socket.send(bytes, isBinary);
  });
}
