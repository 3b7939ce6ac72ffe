import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';

/**
 * An egress proxy, like those that companies run: tunnels (`CONNECT`) and absolute URLs. Every host leads to the
 * target, so that made-up names need no resolver. A tunnel for TLS is refused.
 */
export class EgressProxy implements AsyncDisposable {
  /** `host:port` of each request or tunnel. */
  readonly asked: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #target = new URL('http://127.0.0.1:9');

  private constructor() {
    this.#server = createServer((req, res) => this.#forward(req, res));
    this.#server.on('connect', (req: IncomingMessage, socket: Socket) => this.#tunnel(req, socket));
    this.#server.on('connection', (socket) => this.#sockets.add(socket));
  }

  static async start(): Promise<EgressProxy> {
    const proxy = new EgressProxy();
    await new Promise<void>((resolve) => {
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  leadTo(target: string): void {
    this.#target = new URL(target);
  }

  get origin(): string {
    const address = this.#server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the proxy does not listen');
    return `http://127.0.0.1:${address.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    for (const socket of this.#sockets) socket.destroy();
    await closed.promise;
  }

  #forward(req: IncomingMessage, res: ServerResponse): void {
    const { host, pathname, search } = new URL(req.url ?? '');
    this.asked.push(host.includes(':') ? host : `${host}:80`);
    const { hostname, port } = this.#target;
    const options = {
      hostname,
      port,
      method: req.method ?? 'GET',
      path: pathname + search,
      headers: req.headers,
    };
    const onward = request({ ...options, agent: false }, (response) => {
      res.writeHead(response.statusCode ?? 502, response.headers);
      response.pipe(res);
    });
    onward.once('error', () => res.destroy());
    req.pipe(onward);
  }

  #tunnel(req: IncomingMessage, socket: Socket): void {
    const host = req.url ?? '';
    this.asked.push(host);
    if (host.endsWith(':443'))
      return void socket.end('HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n');
    const onward = connect(Number(this.#target.port), this.#target.hostname);
    this.#sockets.add(onward);
    onward.once('connect', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(onward).pipe(socket);
    });
    for (const it of [socket, onward]) it.on('error', () => it.destroy());
    onward.once('close', () => socket.destroy());
    socket.once('close', () => onward.destroy());
  }
}
