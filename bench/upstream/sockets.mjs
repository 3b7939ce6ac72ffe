import { WebSocketServer } from 'ws';
import { eventsOf, wholeDeltas } from '../turn/response.mjs';

const messages = eventsOf(wholeDeltas()).map((it) => JSON.stringify(it));
const server = new WebSocketServer({ noServer: true, perMessageDeflate: false });

/** Accepts a WebSocket, and responds to each message on it with the events of a turn, one message each. */
export function acceptSocket(req, socket, head) {
  server.handleUpgrade(req, socket, head, (ws) => {
    ws.on('error', () => ws.terminate());
    ws.on('message', () => {
      for (const message of messages) ws.send(message);
    });
  });
}
