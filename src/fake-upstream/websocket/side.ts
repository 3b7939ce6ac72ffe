import type { WebSocket } from 'ws';
import type { SocketConnection } from './connection.js';

/** Logs and echoes the messages of a WebSocket that carries no turns. */
export function echoMessages(ws: WebSocket, socket: SocketConnection, changed: () => void): void {
  ws.on('message', (bytes: Buffer, isBinary: boolean) => {
    socket.strays.push({ bytes, isBinary });
    changed();
    void socket.send(bytes, isBinary);
  });
}
