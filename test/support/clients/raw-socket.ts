import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
// Imported at load time, so that fake timers in a test do not stop the deadlines of its waits.
import { clearTimeout, setTimeout } from 'node:timers';

const LIMIT_MS = 5_000;

/** A client that writes raw bytes, and keeps writing whatever the response is. */
export class RawSocket implements Disposable {
  readonly #socket: Socket;
  readonly #closed: Promise<'closed'>;
  #text = '';

  constructor(origin: string) {
    const { hostname, port } = new URL(origin);
    this.#socket = connect(Number(port), hostname);
    this.#socket.on('error', () => undefined); // the close event follows
    this.#socket.on('data', (bytes: Buffer) => (this.#text += bytes.toString('latin1')));
    this.#closed = new Promise((resolve) => {
      this.#socket.once('close', () => resolve('closed'));
    });
  }

  /** The text received so far. */
  get text(): string {
    return this.#text;
  }

  /** Resolves when the bytes have been written, or the other side has closed. */
  async write(bytes: Buffer | string): Promise<'taken' | 'closed'> {
    const taken = new Promise<'taken'>((resolve) => {
      this.#socket.write(bytes, (error) => {
        if (error == null) resolve('taken');
      });
    });
    return within(Promise.race([taken, this.#closed]), 'the other side to take the bytes');
  }

  /** Resolves when this text has arrived. */
  async until(text: string): Promise<void> {
    const found = new Promise<void>((resolve) => {
      const look = () => {
        if (this.#text.includes(text)) resolve();
      };
      this.#socket.on('data', look);
      look();
    });
    await within(found, `${JSON.stringify(text)} in ${JSON.stringify(this.#text.slice(-500))}`);
  }

  /** Everything that arrives until the other side closes. */
  async whole(): Promise<string> {
    await within(this.#closed, `the end of ${JSON.stringify(this.#text.slice(0, 500))}`);
    return this.#text;
  }

  /** Closes this side only (FIN). */
  halfClose(): void {
    this.#socket.end();
  }

  /** Stops reading: what arrives stays in the buffers of the system. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** Continues to read. */
  readOn(): void {
    this.#socket.resume();
  }

  /** Closes with a reset (RST). */
  reset(): void {
    this.#socket.resetAndDestroy();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

/** An upstream at TCP level: the test decides what happens with the bytes of a connection. */
export class RawUpstream implements AsyncDisposable {
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly origin: string,
  ) {}

  /** `onBytes` is called with the first bytes of each connection; the socket is not read after that. */
  static async start(onBytes: (socket: Socket) => void): Promise<RawUpstream> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const upstream = new RawUpstream(server, `http://127.0.0.1:${port}`);
    server.on('connection', (socket) => {
      upstream.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => upstream.#sockets.delete(socket));
      socket.once('data', () => {
        socket.pause();
        onBytes(socket);
      });
    });
    return upstream;
  }

  /** The settings that send turns here. All other requests still go to the fake upstream. */
  get env(): Record<string, string> {
    return { UPSTREAM_RESPONSES_BASE: `${this.origin}/backend-api/codex` };
  }

  /** Drains all connections, and resolves when none is left. */
  async closed(): Promise<void> {
    const ends = [...this.#sockets].map(async (it) => await once(it.resume(), 'close'));
    await within(Promise.all(ends), 'the end of the connections to upstream');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }
}

async function within<T>(promise: Promise<T>, what: string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`timed out after ${LIMIT_MS} ms waiting for ${what}`)),
    LIMIT_MS,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
