import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Points at which the connection of a token request breaks, in the order of a refresh. */
export const wireFaults = [
  'is reset before the request is read',
  'is reset after the head of the request',
  'is reset after the request, before tokens are issued',
  'is reset after tokens are issued, before the response',
  'is closed after tokens are issued, before the response',
  'is reset in the head of the response',
  'is reset in the body of the response',
  'is closed in the body of the response',
  'says nothing more after tokens are issued',
] as const;

export type WireFault = (typeof wireFaults)[number];

/** Shorter than the head and the body of the fake upstream's response. */
const HALF_A_HEAD_BYTES = 40;
const HALF_A_BODY_BYTES = 300;
const HEAD_END = '\r\n\r\n';

/** A relay to the token endpoint that passes bytes both ways and breaks at a chosen point. */
export class TokenWire implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #next: { readonly fault: WireFault; readonly strike: () => void } | null = null;
  #always: WireFault | null = null;
  #port = 0;
  /** Number of connections made. */
  connections = 0;

  private constructor(private readonly target: URL) {
    this.#server = createServer((socket) => this.#serve(this.#kept(socket)));
  }

  /** `target`: the URL of the token endpoint. */
  static async start(target: string): Promise<TokenWire> {
    const wire = new TokenWire(new URL(target));
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    return wire;
  }

  get origin(): string {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the wire leads nowhere');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Breaks the next connection; resolves when it has done so. */
  async breaks(fault: WireFault): Promise<void> {
    const struck = Promise.withResolvers<void>();
    this.#next = { fault, strike: struck.resolve };
    await struck.promise;
  }

  /** Breaks every connection from now on. */
  breaksAll(fault: WireFault): void {
    this.#always = fault;
  }

  /** Refuses connections until `reopen`. */
  async goDown(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#port = Number(new URL(this.origin).port);
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Accepts connections again, on the same port. */
  async reopen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.goDown();
  }

  #kept(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
    return socket;
  }

  #serve(client: Socket): void {
    this.connections += 1;
    const always = this.#always;
    const broken = this.#next ?? (always && { fault: always, strike: () => undefined });
    this.#next = null;
    if (broken === null) return this.#pass(client);
    const strike = (how: (socket: Socket) => void): void => {
      client.removeAllListeners('data');
      how(client);
      broken.strike();
    };
    switch (broken.fault) {
      case 'is reset before the request is read':
        return void client.once('readable', () => strike(reset)); // the request has arrived, but is unread
      case 'is reset after the head of the request':
        return whenRead(
          client,
          (text) => text.includes(HEAD_END),
          () => strike(reset),
        );
      case 'is reset after the request, before tokens are issued':
        return whenRead(client, isWhole, () => strike(reset));
      case 'is reset after tokens are issued, before the response':
        return this.#passHalf(client, 0, () => strike(reset));
      case 'is closed after tokens are issued, before the response':
        return this.#passHalf(client, 0, () => strike(close));
      case 'is reset in the head of the response':
        return this.#passHalf(client, HALF_A_HEAD_BYTES, () => strike(reset));
      case 'is reset in the body of the response':
        return this.#passHalf(client, 'body', () => strike(reset));
      case 'is closed in the body of the response':
        return this.#passHalf(client, 'body', () => strike(close));
      case 'says nothing more after tokens are issued':
        return this.#passHalf(client, 0, () => broken.strike());
      default:
        return broken.fault satisfies never;
    }
  }

  #pass(client: Socket): void {
    const onward = this.#kept(connect(Number(this.target.port), this.target.hostname));
    client.pipe(onward).pipe(client);
    client.once('close', () => onward.destroy());
    onward.once('close', () => client.destroy());
  }

  /** Passes the whole request and a part of the response. Calls `then` after that, once the response has arrived in full. */
  #passHalf(client: Socket, bytes: number | 'body', then: () => void): void {
    const onward = this.#kept(connect(Number(this.target.port), this.target.hostname));
    client.on('data', (chunk: Buffer) => onward.write(chunk));
    whenRead(onward, isWhole, (text) => {
      const end = bytes === 'body' ? text.indexOf(HEAD_END) + HEAD_END.length + HALF_A_BODY_BYTES : bytes;
      // Lets the client read them first, because a reset would overtake pending bytes.
      if (end === 0) then();
      else client.write(text.slice(0, end), 'latin1', () => setImmediate(then));
      onward.destroy();
    });
  }
}

function reset(socket: Socket): void {
  socket.resetAndDestroy();
}

function close(socket: Socket): void {
  socket.destroy();
}

/** Collects bytes until it has enough. */
function whenRead(socket: Socket, isEnough: (text: string) => boolean, then: (text: string) => void): void {
  let text = '';
  const read = (chunk: Buffer): void => {
    text += chunk.toString('latin1');
    if (!isEnough(text)) return;
    socket.off('data', read);
    then(text);
  };
  socket.on('data', read);
}

/** Whether an HTTP message is complete, by its content-length. */
function isWhole(text: string): boolean {
  const head = text.indexOf(HEAD_END);
  const length = /^content-length: *(\d+)/im.exec(text.slice(0, Math.max(0, head)))?.[1];
  return head >= 0 && text.length >= head + HEAD_END.length + Number(length ?? 0);
}
