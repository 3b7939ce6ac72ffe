import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What serves the connections of a server. */
export interface Listeners {
  readonly request: RequestListener;
  /** A request to go on as a WebSocket; the connection is the listener's from here on. */
  readonly upgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly connectionClosed: () => void;
}

/** A server on a loopback port that knows its connections and can be taken down and up again. */
export class LoopbackServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  constructor(listeners: Listeners) {
    this.#server = createServer({ shouldUpgradeCallback: asksForSocket }, listeners.request);
    this.#server.on('upgrade', listeners.upgrade);
    // A pooled connection must not be closed under a test that reuses it; bodies may take as long as they like.
    this.#server.keepAliveTimeout = 0;
    this.#server.requestTimeout = 0;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        listeners.connectionClosed();
      });
    });
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get openConnections(): number {
    return this.#sockets.size;
  }

  /** Listens on the port given, or again on the one it had, or on any free one. */
  async listen(port = this.#port): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    const address = this.#server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
  }

  /** Stops listening and closes every connection, in the middle of whatever is going on. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    for (const socket of this.#sockets) socket.destroy();
    await closed.promise;
  }
}

/** Any other upgrade that is offered is not taken up, as by a server that knows none. */
function asksForSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}
