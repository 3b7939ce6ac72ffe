import { connect, type Server, type Socket } from 'node:net';

/** A server on a loopback port that passes bytes on, and closes everything when it is disposed of. */
export abstract class RelayingServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #target = new URL('http://127.0.0.1:9');

  protected constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => this.follow(socket));
  }

  leadTo(target: string): void {
    this.#target = new URL(target);
  }

  get port(): number {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the server does not listen');
    return address.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    for (const socket of this.#sockets) socket.destroy();
    await closed.promise;
  }

  protected async listen(): Promise<this> {
    await new Promise<void>((resolve) => {
      this.#server.listen(0, '127.0.0.1', resolve);
    });
    return this;
  }

  /** Joins a client's connection with a new one to the target. */
  protected join(socket: Socket, onJoined: () => void): void {
    const onward = connect(Number(this.#target.port), this.#target.hostname);
    this.follow(onward);
    onward.once('connect', () => {
      onJoined();
      socket.pipe(onward).pipe(socket);
    });
    onward.once('close', () => socket.destroy());
    socket.once('close', () => onward.destroy());
  }

  private follow(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
