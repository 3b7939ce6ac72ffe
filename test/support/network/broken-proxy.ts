import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { RelayingServer } from './relaying-server.js';
import { certificate } from './tls-front.js';

/** How a broken proxy treats a connection, once its first bytes have arrived or at once. */
export interface Misbehaviour {
  readonly onConnection?: (socket: Socket) => void;
  /** Replies to the first, second, … chunk of the client. */
  readonly replies?: readonly (string | Buffer)[];
  /** How the connection ends after the last reply. */
  readonly end?: (socket: Socket) => void;
}

/** A server on a loopback port that is a bad proxy. */
export class BrokenProxy extends RelayingServer {
  private constructor(server: Server) {
    super(server);
  }

  /** `isSecure`: behind TLS. */
  static async start(how: Misbehaviour, isSecure = false): Promise<BrokenProxy> {
    const serve = (socket: Socket) => misbehave(socket, how);
    const server = isSecure ? createTlsServer(certificate, serve) : createServer(serve);
    return await new BrokenProxy(server).listen();
  }
}

function misbehave(socket: Socket, { onConnection, replies = [], end }: Misbehaviour): void {
  socket.on('error', () => socket.destroy());
  onConnection?.(socket);
  let count = 0;
  socket.on('data', () => {
    const reply = replies[count];
    count += 1;
    const isLast = count === replies.length;
    // The end comes after the bytes, which a reset would otherwise overtake.
    if (reply !== undefined) socket.write(reply, () => (isLast ? setImmediate(() => end?.(socket)) : null));
  });
}
