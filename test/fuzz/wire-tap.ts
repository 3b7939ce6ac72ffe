import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { ByteWatch } from './byte-watch.js';
import { CLIENT_CANARY } from './canary.js';

/** The answer of the fake upstream's parser to a request that is not HTTP. */
const REFUSED_BY_PARSER = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n';

/** Stands between the program and its upstream: sees every byte and can end every connection. */
export class WireTap implements AsyncDisposable {
  /** Forbidden bytes that were seen on the wire. */
  readonly findings = new Set<string>();
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly origin: string,
  ) {}

  static async start(target: string): Promise<WireTap> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const tap = new WireTap(server, `http://127.0.0.1:${port}`);
    server.on('connection', (near: Socket) => tap.#couple(near, new URL(target)));
    return tap;
  }

  /** Ends all connections, so that none is left in the program's pool. */
  cutAll(): void {
    for (const it of this.#sockets) it.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cutAll();
    this.server.close();
    await once(this.server, 'close');
  }

  #couple(near: Socket, { hostname, port }: URL): void {
    const far = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    const sent = new ByteWatch([CLIENT_CANARY], () =>
      this.findings.add("a client's credential went to upstream"),
    );
    const answered = new ByteWatch([REFUSED_BY_PARSER], () =>
      this.findings.add('upstream got a request that is not HTTP'),
    );
    this.#pass(near, far, (bytes) => sent.add(bytes));
    this.#pass(far, near, (bytes) => answered.add(bytes));
  }

  #pass(from: Socket, to: Socket, look: (bytes: Buffer) => void): void {
    this.#sockets.add(from);
    let hasFailed = false;
    from.on('error', () => (hasFailed = true));
    from.on('data', look);
    from.pipe(to);
    from.once('close', () => {
      this.#sockets.delete(from);
      if (hasFailed) to.resetAndDestroy();
      else if (!from.readableEnded) to.destroy();
    });
  }
}
