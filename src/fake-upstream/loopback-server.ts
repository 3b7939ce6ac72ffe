import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Callbacks of a server. */
export interface Listeners {
  readonly request: RequestListener;
  /** Handles a WebSocket upgrade; the listener owns the connection from then on. */
  readonly upgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly connectionClosed: () => void;
}

/** A server on a loopback port that tracks its connections and can be closed and reopened. */
export class LoopbackServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  constructor(listeners: Listeners) {
    this.#server = createServer(
      { shouldUpgradeCallback: asksForSocket, maxHeaderSize: 512 * 1_024 },
      listeners.request,
    );
    this.#server.maxHeadersCount = 0;
    this.#server.on('upgrade', listeners.upgrade);
    // No timeouts: tests reuse pooled connections and send slow bodies.
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

  /** Listens on the given port; by default on its previous port, or at first on any free one. */
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

  /** Stops listening and destroys every connection. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    for (const socket of this.#sockets) socket.destroy();
    await closed.promise;
  }
}

/** True for a WebSocket upgrade. Any other upgrade offer is ignored, as by a server that does not support it. */
function asksForSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}
