import { createServer, type Socket } from 'node:net';
import { login } from './egress-proxy.js';
import { RelayingServer } from './relaying-server.js';

const encoded = `${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}@`;

/** A SOCKS5 proxy (RFC 1928, RFC 1929), written apart from the client. Every host leads to the target. */
export class SocksProxy extends RelayingServer {
  /** `host:port` of each tunnel, with the name or the address that the client has sent. */
  readonly asked: string[] = [];

  private constructor(
    private readonly scheme: 'socks5' | 'socks5h',
    private readonly hasLogin: boolean,
  ) {
    super(createServer((socket) => void this.#serve(socket).catch(() => socket.destroy())));
  }

  static async start(scheme: 'socks5' | 'socks5h', hasLogin = false): Promise<SocksProxy> {
    return await new SocksProxy(scheme, hasLogin).listen();
  }

  /** Its address with user and password, as the setting. */
  get url(): string {
    return `${this.scheme}://${this.hasLogin ? encoded : ''}127.0.0.1:${this.port}`;
  }

  async #serve(socket: Socket): Promise<void> {
    const next = byteReader(socket);
    const [, count = 0] = await next(2);
    const methods = await next(count);
    const method = this.hasLogin ? 2 : 0;
    if (!methods.includes(method)) return void socket.end(Buffer.from([5, 0xff]));
    socket.write(Buffer.from([5, method]));
    if (this.hasLogin && !(await this.#isLoggedIn(socket, next))) return;
    const [, , , kind] = await next(4);
    const host =
      kind === 1
        ? (await next(4)).join('.')
        : kind === 4
          ? (await next(16)).toString('hex')
          : (await next((await next(1))[0] ?? 0)).toString();
    this.asked.push(`${host}:${(await next(2)).readUInt16BE()}`);
    // Reply in pieces, and with a name: all that the RFC allows.
    this.join(socket, () => {
      socket.write(Buffer.from([5, 0, 0, 3]));
      socket.write(Buffer.from([4, ...Buffer.from('here'), 1, 2]));
    });
  }

  async #isLoggedIn(socket: Socket, next: (size: number) => Promise<Buffer>): Promise<boolean> {
    const [, userLength = 0] = await next(2);
    const user = (await next(userLength)).toString();
    const password = (await next((await next(1))[0] ?? 0)).toString();
    const isRight = user === login.user && password === login.password;
    socket.write(Buffer.from([1, isRight ? 0 : 1]));
    if (!isRight) socket.end();
    return isRight;
  }
}

/** Returns a function that reads exact sizes, whatever the pieces in which they arrive. */
function byteReader(socket: Socket): (size: number) => Promise<Buffer> {
  let buffered = Buffer.alloc(0);
  return async (size) => {
    while (buffered.length < size) {
      const chunk: Buffer | null = socket.read();
      if (chunk !== null) buffered = Buffer.concat([buffered, chunk]);
      else if (socket.destroyed || socket.readableEnded) throw new Error('the client has closed');
      else await somethingNew(socket);
    }
    const bytes = buffered.subarray(0, size);
    buffered = buffered.subarray(size);
    return bytes;
  };
}

async function somethingNew(socket: Socket): Promise<void> {
  const events = ['readable', 'end', 'close'];
  const { promise, resolve } = Promise.withResolvers<void>();
  for (const event of events) socket.on(event, resolve);
  await promise;
  for (const event of events) socket.off(event, resolve);
}
