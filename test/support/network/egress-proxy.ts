import { createServer as createHttp, type IncomingMessage } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { Socket } from 'node:net';
import { RelayingServer } from './relaying-server.js';
import { certificate } from './tls-front.js';

/** The user and the password of a test proxy; both need percent-encoding. */
export const login = { user: 'made up', password: 'p@ss:/#%' };
const encoded = `${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}@`;

/**
 * An HTTP proxy, like those that companies run: tunnels only (`CONNECT`), over HTTP or TLS. Every host leads to the
 * target, so that made-up names need no resolver.
 */
export class EgressProxy extends RelayingServer {
  /** `host:port` of each tunnel. */
  readonly asked: string[] = [];

  private constructor(
    private readonly scheme: 'http' | 'https',
    private readonly hasLogin: boolean,
  ) {
    const server = scheme === 'https' ? createHttps(certificate) : createHttp();
    super(server);
    server.on('connect', (req: IncomingMessage, socket: Socket) => this.#tunnel(req, socket));
  }

  static async start(scheme: 'http' | 'https' = 'http', hasLogin = false): Promise<EgressProxy> {
    return await new EgressProxy(scheme, hasLogin).listen();
  }

  /** Its address with user and password, as the setting. */
  get url(): string {
    return `${this.scheme}://${this.hasLogin ? encoded : ''}127.0.0.1:${this.port}`;
  }

  #tunnel(req: IncomingMessage, socket: Socket): void {
    socket.on('error', () => socket.destroy());
    const wanted = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`;
    if (this.hasLogin && req.headers['proxy-authorization'] !== wanted) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nproxy-authenticate: Basic\r\n\r\n');
      return;
    }
    this.asked.push(req.url ?? '');
    this.join(socket, () => socket.write('HTTP/1.1 200 Connection established\r\nvia: made-up\r\n\r\n'));
  }
}
