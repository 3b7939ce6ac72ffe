import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** A relay to upstream that can lose connections: their TCP stays open, but nothing more is delivered either way. */
export class MuteRelay implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();
  readonly #mute = new WeakSet<Socket>();
  #target = new URL('http://127.0.0.1:9');

  private constructor(
    private readonly server: Server,
    private readonly port: number,
  ) {
    server.on('connection', (socket) => this.#relay(socket));
  }

  static async start(): Promise<MuteRelay> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the relay does not listen');
    return new MuteRelay(server, address.port);
  }

  leadTo(target: string): void {
    this.#target = new URL(target);
  }

  /** The settings that send turns through this relay. */
  get env(): Record<string, string> {
    return { UPSTREAM_RESPONSES_BASE: `http://127.0.0.1:${this.port}/backend-api/codex` };
  }

  /** Loses all open connections; returns their number. Later ones are relayed. */
  mute(): number {
    for (const it of this.#sockets) this.#mute.add(it);
    return this.#sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const it of this.#sockets) it.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  #relay(socket: Socket): void {
    this.#sockets.add(socket);
    const onward = connect(Number(this.#target.port), this.#target.hostname);
    for (const it of [socket, onward]) it.on('error', () => it.destroy());
    const pass = (from: Socket, to: Socket): void => {
      from.on('data', (bytes: Buffer) => {
        if (!this.#mute.has(socket)) to.write(bytes);
      });
    };
    pass(socket, onward);
    pass(onward, socket);
    onward.once('close', () => socket.destroy());
    socket.once('close', () => {
      this.#sockets.delete(socket);
      onward.destroy();
    });
  }
}
